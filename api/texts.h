// SPDX-License-Identifier: Apache-2.0
// Bytes that JSON cannot hold as they are.
#pragma once

#include <string>
#include <string_view>

namespace headrace::api {

bool is_utf8(std::string_view bytes) noexcept;
// RFC 4648 section 4, with padding.
std::string base64(std::string_view bytes);

}  // namespace headrace::api
