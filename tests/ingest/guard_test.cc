// SPDX-License-Identifier: Apache-2.0
#include "ingest/guard.h"

#include <gtest/gtest.h>

#include <utility>

namespace headrace::ingest {
namespace {

TEST(GuardTest, ReasonsAreCountedByWhatTheySpeakOf) {
  const std::pair<const char*, Unverified> kReasons[] = {
      {"there is no signature", Unverified::kMissing},
      {"there is no token", Unverified::kMissing},
      {"the body has no clientState in it", Unverified::kMissing},
      {"the signature is wrong", Unverified::kSignature},
      {"the token's signature is wrong", Unverified::kSignature},
      {"the body is not the one that was signed", Unverified::kSignature},
      {"the time is too far from now", Unverified::kTime},
      {"the token has expired", Unverified::kTime},
      {"the token is too old", Unverified::kTime},
      {"nothing can be verified here at present", Unverified::kUnusable},
      {"the body has more than one item", Unverified::kOther},
      {"a member that is signed has a line's end or its like in it", Unverified::kOther},
      {"the body is no message of SNS", Unverified::kOther}};
  for (const auto& [reason, kind] : kReasons) EXPECT_EQ(kind_of(reason), kind) << reason;
}

}  // namespace
}  // namespace headrace::ingest
