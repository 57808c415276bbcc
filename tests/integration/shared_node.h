// A test case whose tests share one node: each makes what it needs under names of its own.
#pragma once
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "tests/support/node.h"

namespace watchword::testing {

class SharedNode : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    node_ = std::make_unique<Node>();
    ASSERT_TRUE(node_->start()) << node_->errors();
  }
  static void TearDownTestSuite() {
    EXPECT_EQ(node_->stop(), 0) << node_->errors();
    const auto verified = node_->verify();
    EXPECT_EQ(verified.exit_code, 0) << verified.out << verified.errors;
    node_.reset();
  }

  static Node& node() { return *node_; }

  static inline std::unique_ptr<Node> node_;
  Caller admin_ = node_->admin();
};

inline constexpr std::string_view kInactive = R"({"active":false})";

}  // namespace watchword::testing
