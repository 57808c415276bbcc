// Observations as Protobuf. Input: the body.
#include "tests/fuzz/observations.h"

namespace watchword::fuzz {
namespace {

// Everything that is accepted here is an ObservationBatch to the library too, with as many in it.
void require_library_agrees(std::string_view body, const observe::Batch& batch) {
  if (!batch.rejections.empty()) return;
  v1::ObservationBatch parsed;
  require(parsed.ParseFromArray(body.data(), static_cast<int>(body.size())), "it is Protobuf");
  require(static_cast<size_t>(parsed.observations_size()) == batch.drafts.size(),
          "none is left out");
  for (size_t i = 0; i < batch.drafts.size(); ++i) {
    const auto& sent = parsed.observations(static_cast<int>(i));
    const auto& draft = batch.drafts[i];
    require(sent.id() == draft.id && sent.source() == draft.source, "the id that was sent");
    require(sent.time_ms() == static_cast<uint64_t>(draft.time_ms), "the time that was sent");
    require(sent.subject() == draft.subject, "the subject that was sent");
    require(sent.principal() == (draft.principal.is_nil() ? "" : draft.principal.view()),
            "the principal that was sent");
    require(sent.kind() == 0 && !sent.authenticated() && !sent.imported() && sent.asn() == 0 &&
                sent.country().empty(),
            "what only we conclude was not sent");
  }
}

void run(std::string_view input) {
  const auto batch = observe::read(observe::Form::protobuf, input, kNowMs);
  if (!batch) return require_refusal(batch.error());
  require_batch(*batch);
  require_library_agrees(input, *batch);
}

const Registered kTarget{{"observe_protobuf", run}};

}  // namespace
}  // namespace watchword::fuzz
