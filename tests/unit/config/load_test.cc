#include "api/config/load.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "api/config/table.h"

namespace watchword::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Loaded from_toml(std::string text, std::map<std::string, std::string> environment = {},
                 std::vector<Flag> flags = {}) {
  return load({"w.toml", std::move(text), std::move(environment), std::move(flags)});
}
Loaded from_environment(std::map<std::string, std::string> environment) {
  return load({"", "", std::move(environment), {}});
}

TEST(Load, WithoutAnythingTheDefaultsAreTheProductionPolicy) {
  const Loaded loaded = load({});
  EXPECT_TRUE(loaded.ok()) << problems_text(loaded);
  const policy::TypePolicies expected = policy::production_policies(),
                             types = type_policies(loaded.settings);
  EXPECT_EQ(types.by_kind, expected.by_kind);
  EXPECT_EQ(loaded.origin_of("api.listen").place, "default");
}

TEST(Load, AFlagBeatsTheEnvironmentAndThatBeatsTheFile) {
  const std::string toml =
      "[security]\nauto_suspend_critical = false\n[journal]\npartitions = 2\n[api]\ncores = 3\n";
  const Loaded loaded =
      from_toml(toml, {{"AUTO_SUSPEND_CRITICAL", "true"}, {"WATCHWORD_API_CORES", "5"}},
                {{"api.cores", "7", "--cores"}});
  ASSERT_TRUE(loaded.ok()) << problems_text(loaded);
  EXPECT_EQ(loaded.settings.journal.partitions, 2);
  EXPECT_TRUE(loaded.settings.security.auto_suspend_critical);
  EXPECT_EQ(loaded.settings.api.cores, 7);
  EXPECT_EQ(loaded.origin_of("journal.partitions").place, "w.toml:4:1");
  EXPECT_EQ(loaded.origin_of("security.auto_suspend_critical").place,
            "environment AUTO_SUSPEND_CRITICAL");
  EXPECT_EQ(loaded.origin_of("api.cores").place, "flag --cores");
}

TEST(Load, EnvironmentNamesThatCallersSetKeepTheirMeaningAndUnit) {
  const Loaded loaded = from_environment({{"SECURITY_MONITORING_ENABLED", "false"},
                                          {"ANOMALY_DETECTION_SENSITIVITY", "0.5"},
                                          {"BASELINE_LEARNING_HOURS", "48"},
                                          {"AUTO_SUSPEND_CRITICAL", "no"},
                                          {"JIT_TOKENS_ENABLED", "0"},
                                          {"LEGACY_TOKENS_ENABLED", "ON"},
                                          {"ACCESS_TOKEN_EXPIRE_MINUTES", "15"},
                                          {"REFRESH_TOKEN_EXPIRE_DAYS", "30"},
                                          {"MAX_CONCURRENT_SESSIONS", "4"},
                                          {"SESSION_TIMEOUT_MINUTES", "20"},
                                          {"SERVICE_TOKEN_DEFAULT_EXPIRY_DAYS", "30"},
                                          {"SERVICE_TOKEN_HIGH_USAGE_THRESHOLD", "99"},
                                          {"SERVICE_TOKEN_ROTATION_ENABLED", "false"},
                                          {"MONITORING_ALERT_THRESHOLDS", "1,7, 14,30"}});
  ASSERT_TRUE(loaded.ok()) << problems_text(loaded);
  EXPECT_EQ(loaded.origins.size(), 14u);
  const Security& security = loaded.settings.security;
  EXPECT_FALSE(loaded.settings.monitoring.enabled);
  EXPECT_EQ(loaded.settings.monitoring.anomaly_sensitivity, 0.5);
  EXPECT_EQ(loaded.settings.monitoring.baseline_learning_hours, 48);
  EXPECT_FALSE(security.auto_suspend_critical);
  EXPECT_FALSE(security.jit_tokens_enabled);
  EXPECT_TRUE(security.legacy_tokens_enabled);
  EXPECT_EQ(security.jwt_access_token_ttl_s, 900);
  EXPECT_EQ(security.jwt_refresh_token_ttl_s, 30 * 86'400);
  EXPECT_EQ(security.session_idle_s, 1200);
  EXPECT_EQ(security.service_token_default_expiry_days, 30);
  EXPECT_THAT(loaded.settings.monitoring.alert_thresholds_days, ElementsAre(1, 7, 14, 30));
}

TEST(Load, AllProblemsAreToldAtOnceWithTheirPlace) {
  const Loaded loaded = from_toml(
      "[security]\nauto_suspend_critcal = true\njwt_access_token_ttl_seconds = \"5\"\n"
      "[monitoring]\nanomaly_sensitivity = 1.5\n[nonsense]\na = 1\n[journal]\n  partitions = 3\n",
      {{"BASELINE_LEARNING_HOURS", "soon"}}, {{"api.liste", "x", "--set"}});
  EXPECT_THAT(
      problems_text(loaded),
      testing::AllOf(
          HasSubstr("w.toml:2:1: security.auto_suspend_critcal is no setting; did you mean "
                    "security.auto_suspend_critical?\n"),
          HasSubstr("w.toml:3:1: security.jwt_access_token_ttl_seconds must be a whole number\n"),
          HasSubstr("w.toml:5:1: monitoring.anomaly_sensitivity must lie between 0 and 1\n"),
          HasSubstr("w.toml:6:2: nonsense is no setting\n"),
          HasSubstr("w.toml:9:3: journal.partitions must be a power of two\n"),
          HasSubstr("environment BASELINE_LEARNING_HOURS: monitoring.baseline_learning_hours "
                    "\"soon\" is not a number\n"),
          HasSubstr("flag --set: api.liste is no setting; did you mean api.listen?\n")));
  EXPECT_EQ(loaded.problems.size(), 7u);
  EXPECT_EQ(loaded.settings.journal.partitions, 1) << "a value with a problem keeps what it was";
}

TEST(Load, AFileThatIsNoTomlIsNamedByLineAndColumn) {
  const Loaded loaded = from_toml("[security]\nauto_suspend_critical = maybe\n");
  ASSERT_EQ(loaded.problems.size(), 1u);
  EXPECT_THAT(loaded.problems[0].place, testing::StartsWith("w.toml:2:"));
}

TEST(Load, PlainHttpOnAnAddressThatOthersReachNeedsAFlag) {
  EXPECT_FALSE(from_toml("[api]\nlisten = \"0.0.0.0:80\"\n").ok());
  EXPECT_TRUE(from_toml("[api]\nlisten = \"0.0.0.0:80\"\nallow_insecure_http = true\n").ok());
  EXPECT_TRUE(
      from_toml(
          "[api]\nlisten = \"0.0.0.0:80\"\ntls_certificate_file = \"c\"\ntls_key_file = \"k\"\n")
          .ok());
  EXPECT_TRUE(from_toml("[api]\nlisten = \"127.9.0.1:80\"\n").ok());
  EXPECT_FALSE(from_toml("[api]\ntls_key_file = \"k\"\n").ok());
}

TEST(Load, SignalsAreSwitchedByNameAndUnknownOnesAreFound) {
  const Loaded loaded =
      from_toml("[detection.signals]\nnew-network = false\nnew-hour = true\nnew-netwrk = false\n");
  ASSERT_TRUE(loaded.ok()) << problems_text(loaded);
  EXPECT_FALSE(loaded.settings.detection.signals.at("new-network"));
  constexpr std::string_view kKnown[] = {"new-network", "new-hour"};
  const auto problems = check_signal_names(loaded, kKnown);
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_EQ(problems[0].place, "w.toml:4:1");
  EXPECT_EQ(problems[0].text,
            "detection.signals.new-netwrk is no signal; did you mean new-network?");
}

TEST(Load, ProxiesMustBeNetworks) {
  EXPECT_TRUE(from_toml("[api]\ntrusted_proxies = [\"127.0.0.1/32\", \"fd00::/8\"]\n").ok());
  EXPECT_FALSE(from_toml("[api]\ntrusted_proxies = [\"127.0.0.1\"]\n").ok());
  EXPECT_FALSE(from_toml("[api]\ntrusted_proxies = [7]\n").ok());
}

TEST(Load, ContinuousAuthenticationCanBeWaivedForAllTypes) {
  const Loaded loaded = from_toml("[security]\nrequire_continuous_auth = false\n");
  EXPECT_FALSE(type_policies(loaded.settings).of(v1::AI_AGENT).requires_continuous_auth);
}

TEST(Show, PrintsTomlThatReadsBackTheSameWithPlacesAndWithoutSecrets) {
  const Loaded loaded =
      from_toml("[detection.signals]\nnew-hour = false\n",
                {{"WATCHWORD_API_TLS_KEY_PASSPHRASE", "hunter2"}, {"WATCHWORD_API_CORES", "3"}});
  ASSERT_TRUE(loaded.ok()) << problems_text(loaded);
  const std::string text = show_text(loaded);
  EXPECT_THAT(text, HasSubstr("cores = 3  # environment WATCHWORD_API_CORES\n"));
  EXPECT_THAT(text, HasSubstr("new-hour = false  # w.toml:2:1\n"));
  EXPECT_THAT(text + show_json(loaded), testing::Not(HasSubstr("hunter2")));
  const Loaded again = from_toml(text);
  EXPECT_TRUE(again.ok()) << problems_text(again);
  EXPECT_EQ(again.settings.api.cores, 3);
}

TEST(Table, EverySettingHasItsOwnNamesADocumentAndADefaultInItsRange) {
  std::set<std::string> names;
  for (const Setting& setting : settings_table()) {
    EXPECT_TRUE(names.insert(std::string(setting.name)).second) << setting.name;
    EXPECT_TRUE(names.insert(environment_of(setting)).second) << setting.name;
    EXPECT_FALSE(setting.doc.empty()) << setting.name;
    Settings settings;
    const auto written = write_value(setting, read_value(setting, settings), settings);
    EXPECT_TRUE(written.ok()) << setting.name << ": " << (written ? "" : written.error().detail);
  }
}

TEST(Files, TheShippedFilesAreValidAndOnlyDevelopmentIsLenient) {
  const std::string folder = std::string(WATCHWORD_SOURCE) + "/deploy/config/";
  for (const std::string name : {"production.toml", "development.toml"}) {
    auto sources = sources_of(folder + name, {});
    ASSERT_TRUE(sources.ok());
    sources->environment.clear();
    const Loaded loaded = load(*sources);
    EXPECT_TRUE(loaded.ok()) << problems_text(loaded);
    EXPECT_EQ(loaded.settings.security.auto_suspend_critical, name == "production.toml");
    EXPECT_EQ(loaded.settings.identity_types.service_account.max_token_lifetime_s > 3600,
              name == "development.toml");
  }
}

TEST(Endpoint, IsAnAddressAndAPort) {
  EXPECT_EQ(parse_endpoint("[::1]:8080")->address.text(), "::1");
  EXPECT_EQ(parse_endpoint("localhost:0")->port, 0);
  for (const char* bad : {"", "8080", ":8080", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536",
                          "::1:80", "[127.0.0.1]:8", "host:80", "127.0.0.1:+1"})
    EXPECT_FALSE(parse_endpoint(bad).ok()) << bad;
}

}  // namespace
}  // namespace watchword::config
