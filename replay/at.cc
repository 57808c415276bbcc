#include "replay/at.h"

#include <filesystem>

#include "events/base/clock.h"
#include "events/crypto/hash.h"
#include "replay/folder.h"
#include "replay/history.h"
#include "stores/keys/key_file.h"

namespace watchword::replay {
namespace {

namespace json = boost::json;

// One partition's journal with a complete index.
struct Part {
  uint32_t number = 0;
  std::unique_ptr<journal::Journal> journal;
  std::unique_ptr<views::PrincipalIndex> index;
  History history() const { return {number, *journal, *index}; }
};

Result<Part> open_part(const std::string& directory, uint32_t number) {
  Part part;
  part.number = number;
  auto index =
      views::PrincipalIndex::open_read_only(part_directory(directory, number) + "/index");
  if (!index) return index.error();
  part.index = std::move(*index);
  auto journal = open_journal(directory, number);
  if (!journal) return journal.error();
  part.journal = std::move(*journal);
  if (auto caught_up = catch_up(*part.journal, *part.index); !caught_up) return caught_up.error();
  return part;
}

struct Subject {
  Part part;
  Id principal;
  Id asked;  // the token or alert; nil: the principal itself
};

Error unknown(const std::string& subject) {
  return {Errc::not_found, "replay.subject_unknown",
          "nothing in the journal has the id, name or subject '" + subject + "'"};
}

Result<std::optional<Subject>> by_id(const std::string& directory, uint32_t partitions,
                                     const Id& id) {
  auto part = open_part(directory, id.slot() & (partitions - 1));
  if (!part) return part.error();
  const auto principal = part->history().principal_of(id);
  if (!principal) return principal.error();
  if (!*principal) return std::optional<Subject>();
  return std::optional(Subject{std::move(*part), **principal, **principal == id ? Id{} : id});
}

// A foreign subject's id needs the key of look-ups; who may not read it can still ask by id and by name.
std::optional<Id> foreign_id(const std::string& directory, const std::string& text) {
  const std::string path = directory + "/keys/master.key";
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return std::nullopt;
  const auto keys = keys::KeyFile::open(path, system_entropy());
  if (!keys) return std::nullopt;
  return foreign_principal_id(text, crypto::view(keys->lookup(text)));
}

bool is_named(const v1::Event& event, const std::string& name) {
  return event.identity().registered().type().name() == name ||
         event.service_token().created().name() == name;
}

// The subject of the newest event in `frame` that gave it this name.
Result<std::optional<Subject>> named_in(std::string_view frame, const std::string& name) {
  std::optional<Subject> found;
  if (frame.find(name) == std::string_view::npos) return found;
  const auto view = journal::FrameView::open(frame);
  if (!view) return view.error();
  const auto read = view->each(
      [&](uint32_t, const v1::Event& event) -> Result<> {
        if (!is_named(event, name)) return {};
        const bool is_token = event.has_service_token();
        found = Subject{{},
                        Id::from_view(event.envelope().subject()),
                        is_token ? Id::from_view(event.service_token().created().token_id()) : Id{}};
        return {};
      },
      [](uint32_t, const journal::Judged&) -> Result<> { return {}; });
  if (!read) return read.error();
  return found;
}

Result<std::optional<Subject>> by_name(const std::string& directory, uint32_t partitions,
                                       const std::string& name) {
  for (uint32_t number = 0; number < partitions; ++number) {
    auto journal = open_journal(directory, number);
    if (!journal) return journal.error();
    std::optional<Subject> found;
    const auto read = (*journal)->read(1, [&](const journal::Stored& stored) -> Result<> {
      auto named = named_in(stored.bytes, name);
      if (!named) return named.error();
      // Names are unique at a time: an identity goes before tokens, a later one before an earlier one.
      if (*named && (!found || (*named)->asked.is_nil() || !found->asked.is_nil()))
        found = std::move(*named);
      return {};
    });
    if (!read) return read.error();
    if (!found) continue;
    auto part = open_part(directory, number);
    if (!part) return part.error();
    found->part = std::move(*part);
    return found;
  }
  return std::optional<Subject>();
}

Result<Subject> find_subject(const std::string& directory, const std::string& text) {
  const auto partitions = partitions_of(directory);
  if (!partitions) return partitions.error();
  if (text.empty()) return unknown(text);
  const auto id = Id::parse(text);
  auto found = id ? by_id(directory, *partitions, *id) : by_name(directory, *partitions, text);
  if (found && !*found && !id)
    if (const auto foreign = foreign_id(directory, text))
      found = by_id(directory, *partitions, *foreign);
  if (!found) return found.error();
  if (!*found) return unknown(text);
  return std::move(**found);
}

void put_asked(json::object& out, const Past& past, const Id& asked) {
  out["token"] = nullptr;
  for (const auto* token : past.jit_tokens())
    if (token->id() == asked.view()) out["token"] = render_token(past, *token);
  for (const auto* token : past.service_tokens())
    if (token->id() == asked.view()) out["token"] = render_token(past, *token);
  for (const auto* alert : past.alerts())
    if (alert->id() == asked.view()) {
      out.erase("token");
      out["alert"] = publisher::render(*alert);
    }
}

}  // namespace

Result<json::object> at(const std::string& directory, const Asked& asked,
                        const publisher::Opener& open) {
  const auto subject = find_subject(directory, asked.subject);
  if (!subject) return subject.error();
  When when{.time_ms = asked.time_ms};
  if (asked.position) {
    when.seq = asked.position->seq;
    if (asked.position->partition != subject->part.number)
      return Error{Errc::invalid, "replay.position",
                   "the subject lives in partition " + std::to_string(subject->part.number)};
  }
  const auto past = subject->part.history().past_of(subject->principal, when);
  if (!past) return past.error();
  json::object out = render(*past, open);
  if (!subject->asked.is_nil()) put_asked(out, *past, subject->asked);
  return out;
}

}  // namespace watchword::replay
