// SPDX-License-Identifier: Apache-2.0
// Which of a provider's header lines go on to the receivers, and which values matter on the way.
#pragma once

#include <string_view>

#include "core/http_request.h"

namespace headrace::ingest {

// Moves the lines to pass on to the front of `head.lines`, in their order, and returns where they
// lie. Dropped are hop-by-hop fields (RFC 9110 section 7.6.1, those named by Connection too), what
// describes this one transfer (Host, Content-Length, Expect), what is said of the addresses behind
// it (X-Forwarded-*, Forwarded, X-Real-IP: receivers that trust us as a proxy would believe it),
// and the names that headrace itself sets (webhook-id, webhook-timestamp, webhook-signature,
// headrace-test), and `credential` (in lower case; empty: none): the field by which the provider
// proves itself, of which nobody behind us may know what is in it. The ranges of `head.fields` no
// longer hold afterwards.
core::Range keep_forwarded_lines(const core::RequestHead& head, char* base,
                                 std::string_view credential = {}) noexcept;

// The value by which a provider names a message, for the detection of duplicates: the first of
// webhook-id, idempotency-key and x-github-delivery that is there; empty when none is, or when it
// is longer than kDedupeKeyBytesMax.
std::string_view find_dedupe_value(const core::RequestHead& head, const char* base) noexcept;

}  // namespace headrace::ingest
