// SPDX-License-Identifier: Apache-2.0
// What the committer waits for before it gathers a group, and what ends the wait.
#include "store/committer.h"

namespace headrace::store {

void Committer::wait_for_more() noexcept {
  const std::size_t here = intakes_.size() + outcomes_.size();
  if (pause_ == nullptr || here == 0) return;
  const core::Clock& clock = loop_.clock();
  if (const auto wait = pace_.wait_ns(clock.steady_ns(), here); wait != 0) pause_(wait);
  pace_.gathered(clock.steady_ns(), intakes_.size() + outcomes_.size());
}

// Nobody waits for what became of a delivery, so outcomes that come by themselves wait for others,
// or for the next intake.
void Committer::on_outcomes(void* self) noexcept {
  auto& committer = *static_cast<Committer*>(self);
  if (committer.outcomes_wait_ == 0 || committer.outcomes_.size() >= GroupPace::kEnough) {
    committer.work_ = true;
  } else if (!committer.outcomes_timer_.armed()) {
    committer.loop_.arm(committer.outcomes_timer_,
                        committer.loop_.now() + committer.outcomes_wait_);
  }
}

void Committer::on_outcomes_timer(core::Timer& timer) noexcept {
  static_cast<Committer*>(timer.owner)->work_ = true;
}

void Committer::on_retry_timer(core::Timer& timer) noexcept {
  auto& committer = *static_cast<Committer*>(timer.owner);
  committer.retry_ = committer.work_ = true;
}

void Committer::on_short_timer(core::Timer& timer) noexcept {
  static_cast<Committer*>(timer.owner)->work_ = true;
}

}  // namespace headrace::store
