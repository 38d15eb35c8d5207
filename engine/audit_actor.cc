// SPDX-License-Identifier: Apache-2.0
#include "engine/audit_actor.h"

namespace headrace {
namespace {

thread_local const Actor* acting = nullptr;

}  // namespace

ActingAs::ActingAs(const Actor& actor) noexcept : outer_(acting) { acting = &actor; }
ActingAs::~ActingAs() { acting = outer_; }

const Actor& engine::current_actor() noexcept {
  static const Actor host;
  return acting == nullptr ? host : *acting;
}

const Actor& engine::engine_actor() noexcept {
  static const Actor engine{.kind = ActorKind::kEngine, .key = {}, .address = {}, .request_id = {}};
  return engine;
}

}  // namespace headrace
