#include "processors/fold/rows.h"

#include "stores/views/ordered_index.h"

namespace watchword::fold {

using views::Index;
using views::index_key;
using views::index_value;

void index_keys(const Id& id, const v1::IdentityState& row, std::vector<std::string>& out) {
  out.push_back(index_key(Index::identity_all, 0, id));
  out.push_back(index_key(Index::identity_by_type, row.type().kind(), id));
  out.push_back(index_key(Index::identity_by_status, row.status(), id));
  if (!row.type().owner_team().empty())
    out.push_back(index_key(Index::identity_by_owner, index_value(row.type().owner_team()), id));
}

void index_keys(const Id& id, const v1::JitTokenState& row, std::vector<std::string>& out) {
  out.push_back(index_key(Index::jit_token_by_identity, index_value(row.identity_id()), id));
}

void index_keys(const Id& id, const v1::ServiceTokenState& row, std::vector<std::string>& out) {
  out.push_back(index_key(Index::service_token_all, 0, id));
  out.push_back(index_key(Index::service_token_by_identity, index_value(row.identity_id()), id));
  out.push_back(
      index_key(Index::service_token_by_expiry, static_cast<uint64_t>(row.expires_at_ms()), id));
}

void index_keys(const Id& id, const v1::AlertState& row, std::vector<std::string>& out) {
  out.push_back(index_key(Index::alert_all, 0, id));
  out.push_back(index_key(Index::alert_by_status, row.status(), id));
  out.push_back(index_key(Index::alert_by_principal, index_value(row.principal()), id));
}

std::optional<int64_t> due_of(const v1::JitTokenState& row) {
  return row.status() == v1::TOKEN_ACTIVE ? row.expires_at_ms() : row.forget_at_ms();
}

std::optional<int64_t> due_of(const v1::ServiceTokenState& row) {
  if (row.status() != v1::TOKEN_ACTIVE || row.expires_at_ms() == 0) return std::nullopt;
  return row.expires_at_ms();
}

std::optional<int64_t> due_of(const v1::ResultState& row) { return row.forget_at_ms(); }
std::optional<int64_t> due_of(const v1::AttestationState& row) { return row.expires_at_ms(); }

}  // namespace watchword::fold
