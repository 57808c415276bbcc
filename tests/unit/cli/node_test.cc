#include <gtest/gtest.h>

#include <fstream>

#include "api/cli/bootstrap.h"
#include "api/cli/node.h"
#include "processors/detectors/detector.h"
#include "tests/unit/cli/cli_kit.h"

namespace watchword::cli {
namespace {

const std::string kSecret = "sk_" + std::string(64, '7');

std::string text_of(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

config::Loaded loaded(std::string toml, std::string directory) {
  return config::load({.file = "w.toml",
                       .toml = std::move(toml),
                       .flags = {{"journal.data_dir", std::move(directory), "--data"}}});
}

TEST(AdminTokenFile, IsMadePrivate) {
  const Folder folder;
  ASSERT_TRUE(write_admin_file(folder.at("admin"), kSecret, system_entropy()));
  EXPECT_EQ(text_of(folder.at("admin")), kSecret + "\n");
  EXPECT_EQ(std::filesystem::status(folder.at("admin")).permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

TEST(AdminTokenFile, ReplacesAnEarlierToken) {
  const Folder folder;
  ASSERT_TRUE(write_admin_file(folder.at("admin"), "sk_" + std::string(64, 'a'), system_entropy()));
  ASSERT_TRUE(write_admin_file(folder.at("admin"), kSecret, system_entropy()));
  EXPECT_EQ(text_of(folder.at("admin")), kSecret + "\n");
}

TEST(AdminTokenFile, LeavesAFileThatIsNotOneAlone) {
  const Folder folder;
  std::ofstream(folder.at("admin")) << "precious";
  std::filesystem::permissions(folder.at("admin"), std::filesystem::perms(0600));
  const auto written = write_admin_file(folder.at("admin"), kSecret, system_entropy());
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().reason, "cli.admin_file.foreign");
  EXPECT_EQ(text_of(folder.at("admin")), "precious");
}

TEST(AdminTokenFile, IsRefusedWhereOthersCanReadIt) {
  const Folder folder;
  std::ofstream(folder.at("admin")) << kSecret;
  std::filesystem::permissions(folder.at("admin"), std::filesystem::perms(0644));
  EXPECT_FALSE(write_admin_file(folder.at("admin"), kSecret, system_entropy()));
}

TEST(NodeSettings, TakeThePartitionsOfANewFolderFromTheConfiguration) {
  const Folder folder;
  EXPECT_EQ(engine_options(loaded("", folder.at("new")))->partitions, 1u);
  EXPECT_EQ(engine_options(loaded("[journal]\npartitions = 4\n", folder.at("new")))->partitions,
            4u);
}

TEST(NodeSettings, LeaveAFolderItsPartitionsUnlessTheyAreNamed) {
  const Folder folder;
  std::filesystem::create_directories(folder.at("old/control"));
  EXPECT_EQ(engine_options(loaded("", folder.at("old")))->partitions, 0u);
  EXPECT_EQ(engine_options(loaded("[journal]\npartitions = 2\n", folder.at("old")))->partitions,
            2u);
}

TEST(NodeSettings, RefuseWhatTheNodeCannotKeep) {
  EXPECT_FALSE(engine_options(loaded("", "")));
  EXPECT_FALSE(engine_options(loaded("[security]\nkey_file = \"/k\"\n", "d")));
  EXPECT_FALSE(engine_options(loaded("[api]\ntls_key_passphrase = \"x\"\n", "d")));
  EXPECT_FALSE(engine_options(loaded("[api]\ntls_key_file = \"k.pem\"\n", "d")));
}

TEST(NodeSettings, TellTheDetectorsWhatTheyMayLookAt) {
  const auto settings =
      loaded(
          "[monitoring]\nanomaly_sensitivity = 0.5\nbaseline_learning_hours = 0.5\n"
          "enable_geo_anomaly = false\n[detection.signals]\nnew-agent = false\n",
          "d")
          .settings;
  const auto tuning = judge_settings(settings).tuning;
  EXPECT_EQ(tuning.sensitivity_percent, 50u);
  EXPECT_EQ(tuning.learning_ms, 1'800'000);
  const auto is_off = [&](std::string_view name) {
    return tuning.signals_off >> *detectors::row_named(name) & 1;
  };
  EXPECT_TRUE(is_off("new-network"));
  EXPECT_TRUE(is_off("new-agent"));
  EXPECT_FALSE(is_off("unusual-hour"));
}

TEST(NodeSettings, TurnEveryResponseOffByTheMasterSwitch) {
  EXPECT_TRUE(judge_settings(config::Settings{}).auto_suspend_critical);
  config::Settings settings;
  settings.security.auto_revoke_on_anomaly = false;
  EXPECT_FALSE(judge_settings(settings).auto_suspend_critical);
}

TEST(Reload, NamesWhatWaitsForTheNextStart) {
  config::Settings running, read;
  read.monitoring.anomaly_sensitivity = 0.2;
  EXPECT_TRUE(changed_for_restart(running, read).empty());
  read.api.listen = "127.0.0.1:1";
  EXPECT_EQ(changed_for_restart(running, read), std::vector<std::string>{"api.listen"});
}

TEST(Bootstrap, MakesOneSigningKeyAndAnAdminTokenThatLast) {
  const Folder folder;
  const auto open = [&] {
    runtime::EngineOptions options;
    options.directory = folder.at("data");
    options.create = true;
    options.partitions = 2;
    return std::move(runtime::Engine::open(std::move(options), system_clock(), system_entropy()))
        .value();
  };
  {
    auto engine = open();
    EXPECT_TRUE(has_no_service_token(*engine).value());
    engine->start();
    ASSERT_TRUE(ensure_signing_key(*engine));
    ASSERT_TRUE(ensure_signing_key(*engine));
    EXPECT_EQ(engine->key_ring().all().size(), 1u);
    ASSERT_TRUE(mint_admin(*engine, folder.at("admin"), 90));
    engine->stop();
  }
  auto engine = open();
  EXPECT_FALSE(has_no_service_token(*engine).value());
  EXPECT_EQ(engine->key_ring().all().size(), 1u);
  EXPECT_EQ(engine->control().state->find<v1::ControlState>(Id{})->keys_size(), 1);
}

}  // namespace
}  // namespace watchword::cli
