// SPDX-License-Identifier: Apache-2.0
// What a receiver or a submitter sees of the store: it takes intakes, and answers when the test
// says so.
//
// Threads: everything on the loop that it is opened on.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "core/loop.h"
#include "core/mailbox.h"
#include "store/types.h"

namespace headrace::ingest {

class StoreSide {
 public:
  explicit StoreSide(std::size_t intakes_max = 1024)
      : intakes(intakes_max), answers(1024), sender_(answers) {}

  void open(core::Loop& loop) {
    intakes.open(
        loop, [](void* self) noexcept { static_cast<StoreSide*>(self)->take(); }, this);
  }
  void close() noexcept {
    intakes.close();
    taken.clear();
  }
  void answer(const store::Intake& intake, store::Acceptance acceptance, MessageId id = {}) {
    sender_.try_push(store::Answer{intake.token, id, acceptance});
    sender_.notify();
  }
  static MessageId id_of(std::size_t number) { return MessageId{{1, number}}; }

  core::Mailbox<store::Intake> intakes;
  core::Mailbox<store::Answer> answers;
  std::vector<store::Intake> taken;
  bool answer_at_once = false;  // as stored, under id_of(its index)

 private:
  void take() {
    std::array<store::Intake, 64> batch;
    for (std::size_t count = 0; (count = intakes.drain(batch)) != 0;) {
      for (std::size_t i = 0; i < count; ++i) {
        taken.push_back(std::move(batch[i]));
        if (answer_at_once)
          answer(taken.back(), store::Acceptance::kStored, id_of(taken.size() - 1));
      }
    }
  }

  core::Mailbox<store::Answer>::Sender sender_;
};

}  // namespace headrace::ingest
