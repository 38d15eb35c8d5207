// SPDX-License-Identifier: Apache-2.0
// One master key for all registries of a test, so that a later one opens what an earlier sealed.
#pragma once

#include <string>

#include "engine/master_key.h"

namespace headrace::test {

inline const std::string kMasterKeyText(64, 'a');  // hex

inline engine::MasterKeySource fixed_master_key() {
  return [](bool) { return engine::MasterKey::given(kMasterKeyText, ""); };
}

}  // namespace headrace::test
