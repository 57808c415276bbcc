#include "api/cli/bootstrap.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <filesystem>

#include "events/crypto/hash.h"
#include "events/domain/identity.h"
#include "events/domain/service_token.h"
#include "processors/commands/secret.h"
#include "stores/keys/file.h"
#include "stores/views/ordered_index.h"

namespace watchword::cli {
namespace {

namespace identity = domain::identity;
namespace service_token = domain::service_token;

constexpr size_t kAdminFileBytes = 4'096;

// Runs on the partition's loop; waits for it. Not for a core's own thread.
template <class Work>
auto on_loop(runtime::Engine& engine, runtime::Partition& partition, Work work) {
  std::packaged_task<std::invoke_result_t<Work, runtime::PartitionTask&>()> task(
      [&] { return work(*partition.task); });
  boost::asio::post(engine.context_of(partition), [&task] { task(); });
  return engine.wait_for(task.get_future());
}

Result<> run(runtime::Engine& engine, runtime::Partition& partition, runtime::Lane lane,
             runtime::Decide decide) {
  std::promise<runtime::Answer> promise;
  runtime::Command command;
  command.lane = lane;
  command.decide = std::move(decide);
  command.done = [&promise](runtime::Answer answer) { promise.set_value(std::move(answer)); };
  boost::asio::post(engine.context_of(partition),
                    [&] { partition.task->submit(std::move(command)); });
  const auto answer = engine.wait_for(promise.get_future());
  if (!answer.body) return answer.body.error();
  return {};
}

v1::Event key_added(const keys::RingKey& key) {
  v1::Event event;
  auto& added = *event.mutable_control()->mutable_signing_key_added();
  added.set_key_id(key.key.kid());
  added.set_algorithm(std::string(crypto::name_of(key.key.algorithm())));
  added.set_public_jwk(key.verify_key.jwk());
  return event;
}

std::vector<std::string> known_keys(runtime::Engine& engine) {
  return on_loop(engine, engine.control(), [](runtime::PartitionTask& task) {
    std::vector<std::string> known;
    const auto* row = task.rows().find<v1::ControlState>(Id{});
    if (row != nullptr)
      for (const auto& key : row->keys()) known.push_back(key.key_id());
    return known;
  });
}

identity::Register operator_identity() {
  identity::Register command;
  command.type.set_kind(v1::SERVICE_ACCOUNT);
  command.type.set_name("watchword-admin");
  command.type.set_environment("bootstrap");
  command.type.set_owner_team("security");
  command.limits.allowed_scopes.emplace();
  return command;
}

service_token::Create admin_token(const AdminToken& ids, std::string_view secret,
                                  int64_t expiry_days) {
  service_token::Create command;
  command.token_id = ids.token_id;
  command.name = "admin " + ids.token_id.text();  // names are unique, and so is this
  command.secret_sha256 = crypto::view(crypto::sha256(secret));
  command.permissions = {"admin"};
  command.expires_in_days = expiry_days;
  command.owner = "security";
  command.permissions_of_caller = {"admin"};
  return command;
}

v1::Envelope envelope_of(const AdminToken& ids, int64_t now_ms) {
  v1::Envelope envelope;
  envelope.set_at_ms(now_ms);
  envelope.set_subject(std::string(ids.identity_id.view()));
  envelope.set_token(std::string(ids.token_id.view()));
  envelope.set_cause("bootstrap");
  return envelope;
}

Result<runtime::Decided> decide_admin(const AdminToken& ids, const service_token::Create& create,
                                      fold::Ahead& rows, int64_t now_ms) {
  const auto envelope = envelope_of(ids, now_ms);
  auto registered = identity::decide(rows.find<v1::IdentityState>(ids.identity_id),
                                     operator_identity(), domain::Rules{});
  if (!registered) return registered.error();
  runtime::Decided out;
  v1::IdentityState row;
  for (auto& fact : *registered) {
    row = identity::evolve(std::move(row), envelope, fact);
    auto& event = out.events.emplace_back();
    *event.mutable_envelope() = envelope;
    *event.mutable_identity() = std::move(fact);
  }
  auto created =
      service_token::decide(rows.find<v1::ServiceTokenState>(ids.token_id), &row, create, {now_ms});
  if (!created) return created.error();
  for (auto& fact : *created) {
    auto& event = out.events.emplace_back();
    *event.mutable_envelope() = envelope;
    *event.mutable_service_token() = std::move(fact);
  }
  return out;
}

}  // namespace

// A clock that was set back hides no key, and one in doubt or a full disk does not keep a node from starting: without it nobody
// could revoke, nor vouch for the clock.
Result<> ensure_signing_key(runtime::Engine& engine) {
  auto& ring = engine.key_ring();
  const int64_t now_ms = on_loop(engine, engine.control(), [](runtime::PartitionTask& task) {
    return task.time().read_ms();
  });
  if (ring.current(crypto::Algorithm::es256, now_ms) == nullptr) {
    auto added = ring.add(crypto::SigningKey::generate(crypto::Algorithm::es256), now_ms, now_ms);
    if (!added) return added.error();
  }
  const auto known = known_keys(engine);
  runtime::Decided decided;
  for (const auto& key : ring.all())
    if (std::ranges::find(known, key->key.kid()) == known.end()) {
      decided.events.push_back(key_added(*key));
      decided.events.back().mutable_envelope()->set_at_ms(now_ms);
    }
  if (decided.events.empty()) return {};
  return run(engine, engine.control(), runtime::Lane::revoke,
             [&](fold::Ahead&, const runtime::Moment& moment) -> Result<runtime::Decided> {
               for (auto& event : decided.events)
                 event.mutable_envelope()->set_at_ms(moment.now_ms);
               return decided;
             });
}

Result<bool> has_no_service_token(runtime::Engine& engine) {
  for (uint32_t number = 0; number < engine.partitions(); ++number) {
    const auto& index = engine.partition(number).state->index();
    const auto keys = index.page(views::index_prefix(views::Index::service_token_all), {}, 1);
    if (!keys) return keys.error();
    if (!keys->empty()) return false;
  }
  return true;
}

Result<AdminToken> mint_admin(runtime::Engine& engine, const std::string& file,
                              int64_t expiry_days) {
  const int64_t now_ms = engine.clock().wall_ms();
  AdminToken ids;
  ids.identity_id = mint_principal_id(now_ms, engine.entropy());
  ids.token_id = mint_id(now_ms, ids.identity_id.slot(), engine.entropy());
  const auto secret = commands::draw_secret(ids.identity_id.slot(), engine.entropy());
  if (auto written = write_admin_file(file, secret.view(), engine.entropy()); !written)
    return written.error();
  const auto create = admin_token(ids, secret.view(), expiry_days);
  auto done = run(engine, engine.owner(ids.identity_id), runtime::Lane::command,
                  [&](fold::Ahead& rows, const runtime::Moment& moment) {
                    return decide_admin(ids, create, rows, moment.now_ms);
                  });
  if (!done) return done.error();
  return ids;
}

Result<> write_admin_file(const std::string& file, std::string_view secret, Entropy& entropy) {
  if (std::filesystem::exists(std::filesystem::symlink_status(file))) {
    auto held = keys::read_private_file(file, kAdminFileBytes);
    if (!held) return held.error();
    std::string_view text = *held;
    if (text.ends_with('\n')) text.remove_suffix(1);
    const bool ours = text.empty() || service_token::well_formed_secret(text);
    crypto::cleanse(held->data(), held->size());
    if (!ours)
      return Error{
          Errc::conflict, "cli.admin_file.foreign",
          file + " is not a token file of Watchword: choose another with --admin-token-file"};
  }
  std::string line(secret);
  line += '\n';
  auto written = keys::write_private_file(file, line, keys::IfThere::replace, entropy);
  crypto::cleanse(line.data(), line.size());
  return written;
}

}  // namespace watchword::cli
