// What the fold must do with single facts, asked of the fold itself.
#include "processors/fold/fold.h"

#include "tests/suites/runtime/task_kit.h"

namespace watchword::runtime::testing {
namespace {

const Id kBilling = principal(1);

class Fold : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(state.open().ok()); }

  void happen(v1::Event event, int64_t at_ms = kNow) {
    event.mutable_envelope()->set_at_ms(at_ms);
    if (event.envelope().subject().empty())
      event.mutable_envelope()->set_subject(std::string(kBilling.view()));
    fold::fold_event(state, event, 1);
  }
  void issue(const Id& token, int64_t expires_at_ms) {
    v1::Event event;
    auto& issued = *event.mutable_jit_token()->mutable_issued();
    issued.set_token_id(std::string(token.view()));
    issued.set_expires_at_ms(expires_at_ms);
    issued.set_forget_at_ms(expires_at_ms + kDayMs);
    happen(event);
  }
  v1::TokenStatus status(const Id& token) {
    const auto* row = state.find<v1::JitTokenState>(token);
    return row != nullptr ? row->status() : v1::TOKEN_STATUS_UNSPECIFIED;
  }

  fold::State state{0, nullptr, 0};
};

Id token(uint32_t number) { return mint_id_from(kNow, 7, number); }

TEST_F(Fold, SweepsAThousandDueRowsAFrameInTheOrderOfTheirTime) {
  for (uint32_t i = 0; i < 1'500; ++i) issue(token(i), kNow + 2'000 - i);
  fold::sweep(state, kNow + 10'000);
  size_t expired = 0;
  for (uint32_t i = 0; i < 1'500; ++i) expired += status(token(i)) == v1::TOKEN_EXPIRED;
  EXPECT_EQ(expired, fold::kSweepRows);
  EXPECT_EQ(status(token(499)), v1::TOKEN_ACTIVE) << "the later ones wait for the next frame";
  EXPECT_EQ(status(token(500)), v1::TOKEN_EXPIRED);
  fold::sweep(state, kNow + 10'000);
  EXPECT_EQ(status(token(0)), v1::TOKEN_EXPIRED);
}

TEST_F(Fold, SweepsWhatIsDueAndNothingBefore) {
  issue(token(1), kNow + 100);
  fold::sweep(state, kNow + 99);
  EXPECT_EQ(status(token(1)), v1::TOKEN_ACTIVE);
  fold::sweep(state, kNow + 100);
  EXPECT_EQ(status(token(1)), v1::TOKEN_EXPIRED);
  fold::sweep(state, kNow + 100 + kDayMs - 1);
  EXPECT_EQ(status(token(1)), v1::TOKEN_EXPIRED);
  fold::sweep(state, kNow + 100 + kDayMs);
  EXPECT_EQ(state.find<v1::JitTokenState>(token(1)), nullptr) << "forgotten";
}

TEST_F(Fold, ANameIsReleasedByItsOwnerOnly) {
  const std::string hash(32, 'n');
  const auto say = [&](auto pick, const Id& owner) {
    v1::Event event;
    auto& fact = *pick(*event.mutable_control());
    fact.set_name_hash(hash);
    fact.set_owner(std::string(owner.view()));
    happen(event);
  };
  const Id row = Id::from_view(hash.substr(0, 16));
  say([](auto& control) { return control.mutable_name_taken(); }, token(1));
  say([](auto& control) { return control.mutable_name_released(); }, token(2));
  ASSERT_NE(state.find<v1::NameState>(row), nullptr) << "another's failed create frees nothing";
  EXPECT_EQ(state.find<v1::NameState>(row)->owner(), token(1).view());
  say([](auto& control) { return control.mutable_name_confirmed(); }, token(1));
  EXPECT_TRUE(state.find<v1::NameState>(row)->confirmed());
  say([](auto& control) { return control.mutable_name_released(); }, token(1));
  EXPECT_EQ(state.find<v1::NameState>(row), nullptr);
}

TEST_F(Fold, AnAttestationThatWasUsedIsKnownUntilItExpires) {
  const std::string hash(32, 'j');
  v1::Event event;
  auto& used = *event.mutable_identity()->mutable_attestation_used();
  used.set_jti_hash(hash);
  used.set_expires_at_ms(kNow + 1'000);
  happen(event);
  const Id row = Id::from_view(hash.substr(0, 16));
  EXPECT_NE(state.find<v1::AttestationState>(row), nullptr);
  fold::sweep(state, kNow + 999);
  EXPECT_NE(state.find<v1::AttestationState>(row), nullptr);
  fold::sweep(state, kNow + 1'000);
  EXPECT_EQ(state.find<v1::AttestationState>(row), nullptr);
}

TEST_F(Fold, ARowIsListedUnderWhatItIsAndNoLongerUnderWhatItWas) {
  v1::Event event;
  event.mutable_identity()->mutable_registered()->mutable_type()->set_kind(v1::SERVICE_ACCOUNT);
  happen(event);
  const auto listed = [&](v1::IdentityStatus status) {
    return state.index()
        .page(views::index_prefix(views::Index::identity_by_status, status), "", 10)
        ->size();
  };
  EXPECT_EQ(listed(v1::IDENTITY_ACTIVE), 1u);
  v1::Event suspended;
  suspended.mutable_identity()->mutable_suspended()->set_generation(2);
  happen(suspended);
  EXPECT_EQ(listed(v1::IDENTITY_ACTIVE), 0u);
  EXPECT_EQ(listed(v1::IDENTITY_SUSPENDED), 1u);
}

}  // namespace
}  // namespace watchword::runtime::testing
