// SPDX-License-Identifier: Apache-2.0
// Changes of all kinds, drawn by rapidcheck from a world so small that they often meet.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "engine/registry.h"
#include "tests/support/manual_clock.h"

namespace headrace::test {

// One change that was drawn, to be made as often as one likes: of the same registry it asks for the
// same. What it makes may differ, as ids and tokens are random.
struct RandomChange {
  std::string name;
  std::function<Result<void>(engine::Registry&)> make;
};

// Requires: called inside a property. `registry` tells what there is to be named.
RandomChange random_change(const engine::Registry& registry);
// Lets some time pass now and then, so that graces end.
void random_time(ManualClock& clock);

}  // namespace headrace::test
