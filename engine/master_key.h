// SPDX-License-Identifier: Apache-2.0
// The master key, under which everything secret is sealed: where it comes from, and how it is
// exchanged for another one.
//
// In a file of the data directory a rotation goes: the new key is written beside the old one
// (master.key.next), everything is sealed anew, the new file takes the place of the old. A crash at
// any instant leaves what opens with one of the two, and both are there. A key that is given from
// outside is rotated by giving both at one start. Threads: one at a time.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "core/sealing.h"
#include "headrace/result.h"

namespace headrace::engine {

class MasterKey {
 public:
  // Of this process alone: for what is kept in memory only.
  static MasterKey ephemeral();
  // Texts as core::SealingKey::from_text() takes them; `previous` may be empty. kInvalidArgument:
  // one is not a key.
  static Result<MasterKey> given(std::string_view current, std::string_view previous);
  // The file `master.key` there, made 0600 when it is missing and `may_make`. kNotFound: it is
  // missing and may not be made. kForbidden: others than its owner may read it. kCorrupted: it
  // holds no key.
  static Result<MasterKey> in_directory(const std::string& directory, bool may_make);

  const core::KeyRing& keys() const noexcept { return keys_; }
  // Whether there is another key that something may still be sealed under.
  bool is_rotating() const noexcept { return is_rotating_; }
  // A new key that seals from now on; it is on the disk when this returns. One that was begun and
  // not finished goes on. kPrecondition: the key is given from outside.
  Result<void> begin_rotation();
  // The key before is not needed any more. After a failure it may be called again.
  Result<void> finish_rotation();

 private:
  explicit MasterKey(core::SealingKey key) : keys_(std::move(key)) {}

  core::KeyRing keys_;
  bool is_rotating_ = false;
  bool is_given_ = false;
  std::string directory_;  // empty: it is in none
};

// How the registry comes by it: `something_is_sealed` says that a new one would open nothing.
using MasterKeySource = std::function<Result<MasterKey>(bool something_is_sealed)>;

}  // namespace headrace::engine
