// SPDX-License-Identifier: Apache-2.0
#include "store/erasure_finisher.h"

#include <utility>

#include "core/check.h"

namespace headrace::store {

ErasureFinisher::ErasureFinisher(core::Loop& loop, EventStore& store, bool in_place)
    : loop_(loop), store_(store), in_place_(in_place) {}

ErasureFinisher::~ErasureFinisher() { HEADRACE_CHECK(!run_ && wanted_.empty()); }

void ErasureFinisher::want(Done done) {
  wanted_.push_back(std::move(done));
  if (!run_) start();
}

void ErasureFinisher::start() {
  run_ = std::make_shared<Run>();
  run_->done.swap(wanted_);
  // The loop may get to it after a stop(), when all of it was told and this may be gone.
  const auto tell = [this, run = std::weak_ptr<Run>(run_)] {
    if (const auto held = run.lock()) end(held);
  };
  if (in_place_) {
    run_->result = store_.finish_erasures();
    return loop_.post(tell);
  }
  run_->thread = std::thread([this, tell, run = run_.get()] {
    run->result = store_.finish_erasures();
    loop_.post(tell);
  });
}

void ErasureFinisher::end(const std::shared_ptr<Run>& run) {
  if (run->thread.joinable()) run->thread.join();
  run_.reset();
  for (const Done& done : run->done) done(run->result);
  if (!run_ && !wanted_.empty()) start();
}

void ErasureFinisher::stop() {
  while (run_) end(std::shared_ptr<Run>(run_));
}

}  // namespace headrace::store
