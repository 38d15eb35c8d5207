// SPDX-License-Identifier: Apache-2.0
// Providers whose scheme is described by data: rows in the form in which anybody may describe one.
#pragma once

#include <span>
#include <string_view>

namespace headrace::verification {

struct Preset {
  std::string_view provider;
  std::string_view scheme;  // JSON
};

std::span<const Preset> presets() noexcept;  // in alphabetical order
const Preset* find_preset(std::string_view provider) noexcept;

}  // namespace headrace::verification
