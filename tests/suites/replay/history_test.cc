#include "replay/history.h"

#include <set>

#include "stores/journal/memory.h"
#include "tests/suites/replay/maker.h"

namespace watchword::replay {
namespace {

std::string text_of(const boost::json::object& item, std::string_view member) {
  return std::string(item.at(member).as_string());
}

class OfOnePrincipal : public ::testing::Test {
 protected:
  OfOnePrincipal() : node_(folder_ / "data"), maker_(node_.clock), id_(maker_.principal(1)) {}

  History history() {
    auto& part = node_.part(1);
    return {part.number, *part.journal, *part.index};
  }
  Page timeline(const TimelineQuery& query) {
    const auto page = history().timeline(id_, query);
    EXPECT_TRUE(page.ok());
    return page ? *page : Page{};
  }
  Page administrative(const AuditQuery& query) {
    const auto page = history().administrative(query);
    EXPECT_TRUE(page.ok());
    return page ? *page : Page{};
  }
  // An event that somebody asked for.
  v1::Event asked_by(const Id& actor, v1::Event event) {
    event.mutable_envelope()->set_actor(std::string(actor.view()));
    return event;
  }
  // The types of all pages, `limit` a page.
  std::vector<std::string> all_types(TimelineQuery query) {
    std::vector<std::string> types;
    for (Page page = timeline(query);; page = timeline(query)) {
      for (const auto& item : page.items) types.push_back(text_of(item, "type"));
      EXPECT_LE(page.items.size(), query.limit);
      if (!page.next) return types;
      query.before = page.next;
    }
  }

  const Folder folder_;
  Node node_;
  Maker maker_;
  const Id id_;
};

TEST_F(OfOnePrincipal, TheTimelineIsNewestFirstAndTellsNothingOfOthers) {
  const Id other = maker_.principal(3);
  node_.decide(id_, maker_.registered("robot"));
  node_.observe(1, {maker_.used(other), maker_.used(id_), maker_.used(other)});
  node_.decide(other, maker_.registered("other"));
  node_.decide(id_, maker_.suspended(2));
  EXPECT_EQ(all_types({}), (std::vector<std::string>{"identity.suspended", "observation",
                                                     "identity.registered"}));
}

TEST_F(OfOnePrincipal, PagesOfAnySizeGiveTheSameTimelineAlsoInsideAFrame) {
  node_.decide(id_, maker_.registered("robot"));
  for (int frame = 0; frame < 3; ++frame)
    node_.observe(1, {maker_.used(id_), maker_.used(id_), maker_.used(id_), maker_.used(id_)});
  const auto whole = all_types({.limit = 100});
  EXPECT_EQ(whole.size(), 13u);
  for (const size_t limit : {1u, 2u, 3u, 4u, 5u, 12u, 13u})
    EXPECT_EQ(all_types({.limit = limit}), whole) << limit;
  EXPECT_FALSE(timeline({.limit = 13}).next);
}

TEST_F(OfOnePrincipal, EveryItemOfATimelineStandsOnce) {
  for (int frame = 0; frame < 5; ++frame) node_.observe(1, {maker_.used(id_), maker_.used(id_)});
  std::set<std::string> ids;
  TimelineQuery query{.limit = 3};
  for (Page page = timeline(query); !page.items.empty(); page = timeline(query)) {
    for (const auto& item : page.items) ids.insert(text_of(item, "id"));
    if (!page.next) break;
    query.before = page.next;
  }
  EXPECT_EQ(ids.size(), 10u);
}

TEST_F(OfOnePrincipal, TheTimelineIsFilteredByTypeAndByItsFirstPart) {
  node_.decide(id_, maker_.registered("robot"));
  node_.decide(id_, maker_.issued(maker_.token(id_), kHourMs));
  node_.observe(maker_.used(id_));
  node_.decide(id_, maker_.suspended(2));
  EXPECT_EQ(all_types({.types = {"identity"}}),
            (std::vector<std::string>{"identity.suspended", "identity.registered"}));
  EXPECT_EQ(all_types({.types = {"jit_token.issued", "observation"}}),
            (std::vector<std::string>{"observation", "jit_token.issued"}));
  EXPECT_TRUE(all_types({.types = {"identity.reg"}}).empty());
}

TEST_F(OfOnePrincipal, ACursorOfAnotherPartitionIsRefused) {
  const auto page = history().timeline(id_, {.before = Cursor{0, 5, 0}});
  ASSERT_FALSE(page.ok());
  EXPECT_EQ(page.error().reason, "history.cursor");
}

TEST_F(OfOnePrincipal, RiskTellsAlertsWithTheirSignals) {
  const Id alert = maker_.token(id_);
  node_.decide(id_, maker_.registered("robot"));
  node_.decide(id_, maker_.raised(alert, 32'768));
  const auto page = history().risk(id_, {}, 10);
  ASSERT_TRUE(page.ok());
  ASSERT_EQ(page->items.size(), 1u);
  const auto& item = page->items[0];
  EXPECT_EQ(text_of(item, "type"), "alert.raised");
  EXPECT_EQ(text_of(item, "alert_id"), alert.text());
  EXPECT_EQ(item.at("risk").as_double(), 0.5);
  EXPECT_EQ(item.at("signals").at(0).at("name").as_string(), "new-network");
}

TEST_F(OfOnePrincipal, IdentityAndTokenAreToldAsOfATime) {
  const Id token = maker_.token(id_);
  const Position registered = node_.decide(id_, maker_.registered("robot"));
  const Position issued = node_.decide(id_, maker_.issued(token, kHourMs));
  node_.decide(id_, maker_.revoked(token));
  const auto then = history().token_at(token, {.seq = issued.seq});
  ASSERT_TRUE(then.ok());
  EXPECT_EQ(text_of(*then, "status"), "active");
  const auto now = history().token_at(token, {});
  ASSERT_TRUE(now.ok());
  EXPECT_EQ(text_of(*now, "status"), "revoked");
  const auto none = history().token_at(token, {.seq = registered.seq});
  ASSERT_FALSE(none.ok());
  EXPECT_EQ(none.error().reason, "history.token_unknown");
  const auto unknown = history().identity_at(id_, {.seq = 1}, {});
  ASSERT_FALSE(unknown.ok());
  EXPECT_EQ(unknown.error().reason, "history.identity_unknown");
}

TEST_F(OfOnePrincipal, TheAuditTrailHasWhatSomebodyAskedForInBothDirections) {
  const Id admin = maker_.principal(3);
  node_.decide(id_, maker_.registered("robot"));  // Watchword's own: no actor
  node_.decide(id_, asked_by(admin, maker_.issued(maker_.token(id_), kHourMs)));
  node_.observe(maker_.used(id_));
  node_.decide(id_, asked_by(admin, maker_.suspended(2)));
  const auto newest = administrative({});
  ASSERT_EQ(newest.items.size(), 2u);
  EXPECT_EQ(text_of(newest.items[0], "action"), "identity.suspended");
  EXPECT_EQ(text_of(newest.items[0], "actor"), admin.text());
  EXPECT_EQ(text_of(newest.items[0], "outcome"), "success");
  const auto oldest = administrative({.oldest_first = true});
  ASSERT_EQ(oldest.items.size(), 2u);
  EXPECT_EQ(oldest.items[1], newest.items[0]);
}

TEST_F(OfOnePrincipal, TheAuditTrailPagesByCursorInBothDirections) {
  const Id admin = maker_.principal(3);
  for (int i = 0; i < 150; ++i) node_.decide(id_, asked_by(admin, maker_.suspended(2)));
  for (const bool oldest_first : {false, true}) {
    std::set<std::string> ids;
    AuditQuery query{.oldest_first = oldest_first, .limit = 7};
    for (Page page = administrative(query);; page = administrative(query)) {
      for (const auto& item : page.items) ids.insert(text_of(item, "id"));
      if (!page.next) break;
      query.from = page.next;
    }
    EXPECT_EQ(ids.size(), 150u) << oldest_first;
  }
}

TEST_F(OfOnePrincipal, TheAuditTrailIsFilteredByActorTargetActionOutcomeAndTime) {
  const Id admin = maker_.principal(3), other = maker_.principal(5);
  const auto count = [&](const AuditQuery& query) { return administrative(query).items.size(); };
  const int64_t start_ms = node_.clock.wall_ms();
  node_.decide(id_, asked_by(admin, maker_.registered("robot")));
  node_.clock.advance_ms(1'000);
  const int64_t later_ms = node_.clock.wall_ms() - 500;
  node_.decide(other, asked_by(id_, maker_.registered("other")));
  v1::Event act;
  act.mutable_control()->mutable_admin_acted()->set_action("config.reload");
  act.mutable_control()->mutable_admin_acted()->set_outcome("failure");
  node_.decide(id_, asked_by(admin, act));
  EXPECT_EQ(count({}), 3u);
  EXPECT_EQ(count({.actor = admin}), 2u);
  EXPECT_EQ(count({.target = other}), 1u);
  EXPECT_EQ(count({.action = "identity"}), 2u);
  EXPECT_EQ(count({.action = "config.reload"}), 1u);
  EXPECT_EQ(count({.outcome = "failure"}), 1u);
  EXPECT_EQ(count({.outcome = "success"}), 2u);
  EXPECT_EQ(count({.from_ms = later_ms}), 2u);
  EXPECT_EQ(count({.to_ms = later_ms}), 1u);
  EXPECT_EQ(count({.oldest_first = true, .from_ms = later_ms}), 2u);
  EXPECT_EQ(count({.oldest_first = true, .to_ms = later_ms}), 1u);
  EXPECT_EQ(count({.from_ms = start_ms, .to_ms = start_ms}), 0u);
}

TEST_F(OfOnePrincipal, AnAuditPageReadsABoundedNumberOfFramesAndGoesOnFromThere) {
  const Id admin = maker_.principal(3);
  const auto journal = journal::open_memory(journal::make_memory_log(1));
  ASSERT_TRUE(journal->claim("node", {}, 1'000).ok());
  const auto append = [&](const v1::Event& event) {
    journal::FrameBuilder builder;
    builder.add(event);
    std::promise<bool> appended;
    journal->append(builder.finish(1, 1, journal->tail().seq + 1, 1'000),
                    [&](Result<uint64_t> seq) { appended.set_value(seq.ok()); });
    ASSERT_TRUE(appended.get_future().get());
  };
  append(asked_by(admin, maker_.registered("robot")));
  for (size_t i = 0; i < History::kMaxFramesRead + 100; ++i) append(maker_.suspended(2));
  const auto index = views::PrincipalIndex::open(folder_ / "index");
  ASSERT_TRUE(index.ok());
  const History history(1, *journal, **index);
  const auto first = history.administrative({});
  ASSERT_TRUE(first.ok());
  EXPECT_TRUE(first->items.empty());
  ASSERT_TRUE(first->next);
  const auto second = history.administrative({.from = first->next});
  ASSERT_TRUE(second.ok());
  EXPECT_EQ(second->items.size(), 1u);
  EXPECT_FALSE(second->next);
}

TEST(CursorText, ComesBackAsItWasAndNothingElseIsTaken) {
  const Cursor cursor{3, 12'345'678'901, 7};
  EXPECT_EQ(cursor.text(), "3:12345678901:7");
  EXPECT_EQ(Cursor::parse(cursor.text()), cursor);
  for (const std::string_view text : {"", "3", "3:4", "3:4:", "3:4:5:", "a:4:5", "3:-4:5", " 3:4:5", "3:4:5000000000"})
    EXPECT_FALSE(Cursor::parse(text)) << text;
}

}  // namespace
}  // namespace watchword::replay
