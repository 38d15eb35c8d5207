// SPDX-License-Identifier: Apache-2.0
#include "ingest/verification/description.h"

#include <algorithm>
#include <array>

#include "core/http_grammar.h"

namespace headrace::verification {
namespace {

Piece piece_of(const std::string& text) {
  using What = Piece::What;
  if (text == "{id}") return {What::kId, {}};
  if (text == "{timestamp}") return {What::kTimestamp, {}};
  if (text == "{body}") return {What::kBody, {}};
  if (text == "{url}") return {What::kUrl, {}};
  if (text == "{method}") return {What::kMethod, {}};
  return {What::kLiteral, text};
}

std::vector<Piece> read_pieces(Settings& settings) {
  std::vector<Piece> pieces;
  const std::vector<std::string> texts = settings.texts("signed");
  for (std::size_t i = 0; i < texts.size(); ++i) {
    pieces.push_back(piece_of(texts[i]));
    const Piece& piece = pieces.back();
    if (piece.what == Piece::What::kLiteral &&
        piece.literal.find_first_of("{}") != std::string::npos)
      settings.fail(
          "signed",
          "element " + std::to_string(i) +
              " is none of {id}, {timestamp}, {body}, {url} and {method}, and no literal");
  }
  if (pieces.size() > kPiecesMax)
    settings.fail("signed", "has at most " + std::to_string(kPiecesMax) + " elements");
  return pieces;
}

void check_pieces(Settings& settings, const Description& made) {
  const auto count = [&](Piece::What what) {
    return std::count_if(made.pieces.begin(), made.pieces.end(),
                         [what](const Piece& piece) { return piece.what == what; });
  };
  for (const auto what : {Piece::What::kId, Piece::What::kTimestamp, Piece::What::kBody,
                          Piece::What::kUrl, Piece::What::kMethod})
    if (count(what) > 1) settings.fail("signed", "has something twice");
  // What is not signed proves nothing.
  if (!made.signs(Piece::What::kBody)) settings.fail("signed", "must have {body}");
  if (made.signs(Piece::What::kId) == made.id_header.empty())
    settings.fail("id_header", "belongs to {id} in what is signed: both, or neither");
  const bool timed = !made.timestamp_header.empty() || !made.timestamp_prefix.empty();
  if (made.signs(Piece::What::kTimestamp) != timed)
    settings.fail("timestamp_header",
                  "or timestamp_prefix belongs to {timestamp} in what is signed: both, or neither");
  if (!made.timestamp_header.empty() && !made.timestamp_prefix.empty())
    settings.fail("timestamp_prefix", "and timestamp_header exclude each other");
  if (!made.timestamp_prefix.empty() && made.separator.empty())
    settings.fail("timestamp_prefix", "needs a separator");
  if (made.tolerance.span && !timed) settings.fail("tolerance", "needs a time that is signed");
}

// A token is compared as it is; nothing is signed.
void read_token(Settings& settings, Description& made) { made.prefix = settings.text("prefix"); }

void read_signature(Settings& settings, Description& made) {
  made.list_prefix = settings.text("list_prefix");
  made.separator = settings.text("separator");
  if (made.separator.size() > 1) settings.fail("separator", "must be one character");
  made.prefix = settings.text("prefix");
  made.public_prefix = settings.text("public_prefix");
  if (!made.public_prefix.empty() && made.algorithm != Algorithm::kHmac)
    settings.fail("public_prefix", "is for keys beside those of an HMAC");
  made.encoding = settings.choice<Encoding>("encoding", {"hex", "base64"});
  constexpr std::array kHashes = {core::Hash::kSha256, core::Hash::kSha1, core::Hash::kSha512};
  made.hash = kHashes[settings.choice<std::size_t>("hash", {"sha256", "sha1", "sha512"})];
  made.key = settings.choice<KeyForm>("key", {"text", "base64", "hex", "whsec"});
  made.pieces = read_pieces(settings);
  made.id_header = header_name(settings, "id_header");
  made.timestamp_header = header_name(settings, "timestamp_header");
  made.timestamp_prefix = settings.text("timestamp_prefix");
  made.time_form = settings.choice<TimeForm>("timestamp", {"s", "ms", "rfc3339"});
  made.tolerance.span = settings.duration("tolerance", std::nullopt);
  made.tolerance.past_only = settings.boolean("past_only");
  made.object_body = settings.boolean("object_body");
  if (!settings.failed()) check_pieces(settings, made);
}

}  // namespace

bool Description::signs(Piece::What what) const noexcept {
  return std::any_of(pieces.begin(), pieces.end(),
                     [what](const Piece& piece) { return piece.what == what; });
}

std::string header_name(Settings& settings, std::string_view name, std::string_view otherwise) {
  std::string header = settings.text(name, otherwise);
  if (!std::all_of(header.begin(), header.end(), core::http::is_token_char))
    settings.fail(name, "must be the name of a header");
  std::transform(header.begin(), header.end(), header.begin(), core::http::to_lower);
  return header;
}

Description read_description(Settings settings) {
  Description made;
  made.algorithm = settings.choice<Algorithm>("algorithm", {"hmac", "ed25519", "ecdsa", "token"});
  made.header = header_name(settings, "header");
  if (made.header.empty()) settings.fail("header", "must be given, and not be empty");
  made.challenge = settings.choice<Challenge>(
      "challenge", {"none", "zoom", "slack", "twitch", "discord", "hub", "crc", "okta"});
  if ((made.challenge == Challenge::kZoom || made.challenge == Challenge::kCrc) &&
      made.algorithm != Algorithm::kHmac)
    settings.fail("challenge", "is answered with an HMAC");
  if (made.algorithm == Algorithm::kToken) {
    read_token(settings, made);
  } else {
    read_signature(settings, made);
  }
  // No token has a brace in it, and every message then does.
  if (made.challenge == Challenge::kCrc && !made.object_body)
    settings.fail("object_body", "must be true where anybody may have a crc_token signed");
  settings.done();
  return made;
}

}  // namespace headrace::verification
