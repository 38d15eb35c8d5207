// SPDX-License-Identifier: Apache-2.0
// A scheme that is described by data, as it is read from JSON; see docs/verification.md.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/hmac.h"
#include "ingest/verification/settings.h"
#include "ingest/verification/timestamps.h"

namespace headrace::verification {

enum class Algorithm : std::uint8_t { kHmac, kEd25519, kEcdsa, kToken };
enum class Encoding : std::uint8_t { kHex, kBase64 };
enum class KeyForm : std::uint8_t { kText, kBase64, kHex, kWhsec };
// Who asks whether somebody listens, and how.
enum class Challenge : std::uint8_t { kNone, kZoom, kSlack, kTwitch, kDiscord, kHub, kCrc, kOkta };

struct Piece {
  enum class What : std::uint8_t { kLiteral, kId, kTimestamp, kBody, kUrl, kMethod };
  What what = What::kLiteral;
  std::string literal;
};
inline constexpr std::size_t kPiecesMax = 16;

struct Description {
  Algorithm algorithm = Algorithm::kHmac;
  std::string header;         // where the signature is
  std::string list_prefix;    // before the list of signatures
  std::string separator;      // between the elements of that list; empty: there is one
  std::string prefix;         // before each signature
  std::string public_prefix;  // before each that is by an Ed25519 key; empty: those are not taken
  Encoding encoding = Encoding::kHex;
  core::Hash hash = core::Hash::kSha256;
  KeyForm key = KeyForm::kText;
  std::vector<Piece> pieces;
  std::string id_header;
  std::string timestamp_header;
  std::string timestamp_prefix;  // of the element of the list that is the time
  TimeForm time_form = TimeForm::kSeconds;
  Tolerance tolerance;
  Challenge challenge = Challenge::kNone;
  bool object_body = false;  // the body is a JSON object, or nothing that is signed here

  bool signs(Piece::What what) const noexcept;
};

// Faults are in the document.
Description read_description(Settings settings);

// A field's name, in lower case; a fault when it cannot be one. Empty when it is absent.
std::string header_name(Settings& settings, std::string_view name, std::string_view otherwise = {});

}  // namespace headrace::verification
