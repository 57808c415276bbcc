#include <boost/json/serialize.hpp>
#include <filesystem>

#include "api/cli/cli.h"
#include "api/cli/exit_code.h"
#include "api/cli/table.h"
#include "api/cli/time_text.h"
#include "events/base/clock.h"
#include "replay/at.h"
#include "replay/backup.h"
#include "replay/verify.h"
#include "stores/keys/key_file.h"
#include "stores/keys/vault.h"

namespace watchword::cli {
namespace {

namespace json = boost::json;

json::object part_json(const replay::PartVerified& part) {
  return {{"part", part.name},
          {"frames", part.frames},
          {"events", part.events},
          {"observations", part.observations},
          {"bytes", part.bytes},
          {"digests_logged", part.digests_logged},
          {"digests_compared", part.digests_compared},
          {"checkpoint_seq", part.checkpoint_seq},
          {"rows_compared", part.rows_compared},
          {"index_keys_compared", part.index_keys_compared}};
}

json::object verified_json(const replay::Verified& verified) {
  json::array parts, findings, notes(verified.notes.begin(), verified.notes.end());
  for (const auto& part : verified.parts) parts.push_back(part_json(part));
  for (const auto& finding : verified.findings)
    findings.push_back(json::object{
        {"part", finding.part}, {"reason", finding.reason}, {"detail", finding.detail}});
  return {{"ok", verified.ok()},
          {"parts", std::move(parts)},
          {"findings", std::move(findings)},
          {"notes", std::move(notes)},
          {"events", verified.done.events},
          {"seconds", verified.done.seconds},
          {"events_per_s", verified.done.events_per_s()}};
}

constexpr Column kParts[] = {{"PART", "part"},
                             {"FRAMES", "frames"},
                             {"EVENTS", "events"},
                             {"OBSERVATIONS", "observations"},
                             {"BYTES", "bytes"},
                             {"DIGESTS", "digests_compared"},
                             {"CHECKPOINT", "checkpoint_seq"},
                             {"ROWS", "rows_compared"},
                             {"INDEX KEYS", "index_keys_compared"}};

void print_verified(const replay::Verified& verified, const Terminal& terminal) {
  json::array parts;
  for (const auto& part : verified.parts) parts.push_back(part_json(part));
  terminal.print(table_of(parts, kParts));
  for (const auto& note : verified.notes) terminal.print_line("note: " + printable(note));
  for (const auto& finding : verified.findings)
    terminal.print_line("FOUND in " + finding.part + " (" + finding.reason +
                        "): " + printable(finding.detail));
  if (verified.ok())
    terminal.print_line("all holds: every frame, its chain and every row that follows from it");
  else
    terminal.print_line(std::to_string(verified.findings.size()) + " findings");
}

struct Verify {
  std::string data;
  uint32_t threads = 2;
  bool json = false;
};

int verify(const Verify& asked, const Terminal& terminal) {
  ProgressLine line(terminal);
  replay::VerifyOptions options{.directory = asked.data, .threads = asked.threads};
  options.progress = [&](const replay::Progress& progress) {
    line.show(progress_text({.noun = "events",
                             .count = progress.events,
                             .done = progress.bytes,
                             .total = progress.total_bytes,
                             .seconds = progress.seconds}));
  };
  const auto verified = replay::verify(options);
  line.clear();
  if (!verified) return terminal.fail(verified.error());
  if (asked.json)
    terminal.print_line(json::serialize(verified_json(*verified)));
  else
    print_verified(*verified, terminal);
  return verified->ok() ? kOk : kNo;
}

// A person's text is opened when the keys can be had: a running node holds them for itself.
class Keys {
 public:
  explicit Keys(const std::string& directory) {
    const std::string file = directory + "/keys/master.key", vault = directory + "/keys/vault";
    if (!std::filesystem::exists(file) || !std::filesystem::exists(vault)) return;
    const auto master = keys::KeyFile::open(file, system_entropy());
    if (!master) return;
    auto opened = keys::Vault::open(vault, master->wrap_key(), system_entropy());
    if (opened) vault_ = std::move(*opened);
  }
  std::optional<std::string> open(const Id& principal, const v1::Sealed& sealed) const {
    if (!vault_) return "(sealed: the node that runs has the keys)";
    auto opened = vault_->open(principal, sealed);
    return opened ? std::move(*opened) : std::nullopt;
  }

 private:
  std::unique_ptr<keys::Vault> vault_;
};

struct At {
  std::string data, subject, time, position;
  bool json = false;
};

Result<replay::Asked> asked_of(const At& at) {
  replay::Asked asked{.subject = at.subject};
  if (!at.time.empty()) {
    const auto time_ms = parse_time_ms(at.time, system_clock().wall_ms());
    if (!time_ms) return time_ms.error();
    asked.time_ms = *time_ms;
  }
  if (at.position.empty()) return asked;
  asked.position = Position::parse(at.position);
  if (asked.position) return asked;
  return Error{Errc::invalid, "cli.position",
               "--position takes PARTITION:SEQ, not \"" + at.position + "\""};
}

int at(const At& at, const Terminal& terminal) {
  const auto asked = asked_of(at);
  if (!asked) return terminal.fail(asked.error());
  const Keys keys(at.data);
  const auto past = replay::at(at.data, *asked, [&](const Id& principal, const v1::Sealed& sealed) {
    return keys.open(principal, sealed);
  });
  if (!past) {
    const int code = terminal.fail(past.error());
    return past.error().reason == "replay.subject_unknown" ? int{kNo} : code;
  }
  if (at.json)
    terminal.print_line(json::serialize(*past));
  else
    terminal.print(fields_of(*past));
  return kOk;
}

struct Copy {
  std::string data, folder;
  bool json = false;
};

int report_copy(const Result<replay::Copied>& copied, const Copy& asked, const Terminal& terminal) {
  if (!copied) return terminal.fail(copied.error());
  json::array positions;
  for (const Position& position : copied->positions)
    positions.emplace_back(position.partition == ~0u ? "control:" + std::to_string(position.seq)
                                                     : position.text());
  const json::object told{{"folder", asked.folder},
                          {"positions", std::move(positions)},
                          {"bytes", copied->bytes},
                          {"was_running", copied->was_running},
                          {"with_rows", copied->with_rows}};
  if (asked.json)
    terminal.print_line(json::serialize(told));
  else
    terminal.print(fields_of(told));
  return kOk;
}

int backup(const Copy& asked, const Terminal& terminal) {
  const int code = report_copy(replay::backup(asked.data, asked.folder), asked, terminal);
  if (code == kOk) terminal.say("the copy holds the keys: it is as secret as the folder itself");
  return code;
}
int restore(const Copy& asked, const Terminal& terminal) {
  return report_copy(replay::restore(asked.folder, asked.data), asked, terminal);
}

void add_copies(Cli& cli) {
  auto [backup_app, saved] =
      add_verb<Copy>(cli, cli.app,
                     {"backup", "Copy a data folder, of a running node too",
                      "  watchword backup --data /var/lib/watchword --to /backup/2026-11-21\n"},
                     backup);
  backup_app->add_option("--to", saved->folder, "A new or empty folder")
      ->required()
      ->type_name("DIR");
  auto [restore_app, restored] =
      add_verb<Copy>(cli, cli.app,
                     {"restore", "Make a data folder from a copy",
                      "  watchword restore --from /backup/2026-11-21 --data /var/lib/watchword\n"
                      "  watchword replay verify --data /var/lib/watchword\n"},
                     restore);
  restore_app->add_option("--from", restored->folder, "What watchword backup made")
      ->required()
      ->type_name("DIR");
  for (auto [app, copy] : {std::pair(backup_app, saved), std::pair(restore_app, restored)}) {
    app->add_option("--data", copy->data, "The data folder")->required()->type_name("DIR");
    app->add_flag("--json", copy->json, "Print JSON");
  }
}

}  // namespace

void add_replay_verbs(Cli& cli) {
  CLI::App& group =
      add_group(cli, "replay", "The journal read again: prove it, or ask what was true");
  auto [verify_app, verified] =
      add_verb<Verify>(cli, group,
                       {"verify",
                        "Prove a data folder: every byte of the journal, and every row against it; "
                        "exit code 1 when not all holds",
                        "  watchword replay verify --data ./data\n"},
                       verify);
  verify_app->add_option("--data", verified->data, "Of a node that runs or not")
      ->required()
      ->type_name("DIR");
  verify_app->add_option("--threads", verified->threads, "Partitions at a time")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  verify_app->add_flag("--json", verified->json, "Print JSON");
  auto [at_app, asked] =
      add_verb<At>(cli, group,
                   {"at", "What was true of an identity, token or alert at a moment",
                    "  watchword replay at --data ./data --subject ID --time 2026-11-21T11:59:00Z\n"
                    "  watchword replay at --data ./data --subject payment-processor --position "
                    "0:1201 --json\n"},
                   at);
  at_app->add_option("--data", asked->data, "Of a node that runs or not")
      ->required()
      ->type_name("DIR");
  at_app->add_option("--subject", asked->subject, "An id, a name, or a foreign subject")
      ->required()
      ->type_name("ID");
  CLI::Option* time =
      at_app->add_option("--time", asked->time, "When; else now")->type_name("TIME");
  at_app->add_option("--position", asked->position, "Right after this frame")
      ->type_name("P:SEQ")
      ->excludes(time);
  at_app->add_flag("--json", asked->json, "Print JSON");
  add_copies(cli);
}

}  // namespace watchword::cli
