// SPDX-License-Identifier: Apache-2.0
// Who acts on this thread, as headrace/audit.h's ActingAs says.
//
// A thread-local pointer and no parameter: every change of a definition runs from beginning to end
// on its caller's thread, so whoever began it is who made it; and the rules, which do not depend on
// who asks, need not be told. What goes on elsewhere (a job, an erasure on the store thread) is
// recorded by the caller, before it is handed over.
#pragma once

#include "headrace/audit.h"

namespace headrace::engine {

// The host, where nobody said anything. Valid while the innermost ActingAs lives.
const Actor& current_actor() noexcept;

// For what the engine decides by itself.
const Actor& engine_actor() noexcept;

}  // namespace headrace::engine
