// Observations as JSON, NDJSON and CloudEvents. Input: a byte for the form, then the body.
#include "tests/fuzz/observations.h"

namespace watchword::fuzz {
namespace {

bool same(const observe::Batch& a, const observe::Batch& b) {
  if (a.drafts.size() != b.drafts.size() || a.rejections.size() != b.rejections.size())
    return false;
  for (size_t i = 0; i < a.drafts.size(); ++i)
    if (stored(a.drafts[i]) != stored(b.drafts[i])) return false;
  for (size_t i = 0; i < a.rejections.size(); ++i)
    if (a.rejections[i].code != b.rejections[i].code) return false;
  return true;
}

void require_list_and_line_agree(std::string_view body, const observe::Batch& single) {
  const std::string listed = "[" + std::string(body) + "]";
  const auto list = observe::read(observe::Form::json, listed, kNowMs);
  require(list && same(single, *list), "one object and a list of it say the same");
  if (body.find('\n') != body.npos) return;
  const auto line = observe::read(observe::Form::ndjson, body, kNowMs);
  require(line && same(single, *line), "an object and a line of it say the same");
}

void run(std::string_view input) {
  Pieces pieces(input);
  constexpr observe::Form kForms[] = {observe::Form::json, observe::Form::ndjson,
                                      observe::Form::cloud_event, observe::Form::cloud_events};
  const auto form = kForms[pieces.byte() % 4];
  const auto batch = observe::read(form, pieces.rest(), kNowMs);
  if (!batch) return require_refusal(batch.error());
  require_batch(*batch);
  if (form == observe::Form::json && batch->single)
    require_list_and_line_agree(pieces.rest(), *batch);
}

const Registered kTarget{{"observe_json", run}};

}  // namespace
}  // namespace watchword::fuzz
