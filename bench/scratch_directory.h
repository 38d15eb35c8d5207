// SPDX-License-Identifier: Apache-2.0
// A fresh directory that goes with its owner; below TMPDIR, which decides on which disk.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <string>
#include <system_error>

#include "core/check.h"

namespace headrace::bench {

class ScratchDirectory {
 public:
  ScratchDirectory() {
    std::string name = (std::filesystem::temp_directory_path() / "headrace-bench-XXXXXX").string();
    HEADRACE_CHECK(mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~ScratchDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const noexcept { return path_; }

 private:
  std::string path_;
};

}  // namespace headrace::bench
