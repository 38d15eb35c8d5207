// SPDX-License-Identifier: Apache-2.0
// Tells a provider's genuine messages from everything else that is posted to a link.
//
// What is configured is compiled once, keys with their schedules; judging a message then costs what
// the digest of its body costs, and for the schemes with an HMAC nothing is allocated. Every
// comparison with a secret takes the same time wherever it fails. See docs/verification.md for what
// may be configured, and for every provider that is known by name.
// Threads: a verifier never changes; any number may use it at once. Pure: no I/O, no clock.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/clock.h"
#include "core/hmac.h"
#include "core/http_request.h"
#include "headrace/result.h"

namespace headrace::verification {

struct Received {  // Views into what was received, valid during the call.
  core::Method method = core::Method::kPost;
  std::string_view target;  // path?query as sent
  std::string_view url;     // the public URL it was posted to, for schemes that sign it; or empty
  std::string_view query;   // without '?'
  const core::RequestHead& head;
  const char* base = nullptr;  // of the head's ranges
  std::string_view body;
  core::WallMs now = 0;
};

enum class Verdict : std::uint8_t {
  kGenuine,
  kRefused,
  kReply,  // genuine, and no message: answer this, store nothing
};

struct Reply {
  int status = 200;
  std::string content_type;
  std::string body;
  std::string extra_lines;  // header lines, each with its CRLF
  // To be fetched once by GET, nothing of it kept (AWS SNS). Its host is checked already.
  std::string confirm_url;
};

// What names a message and was signed, so that it can be recognised when it comes again: its id (a
// view into what was received), or for schemes that sign a time and no id a digest of all that was
// signed. The same for all forms in which one message could be sent again. Empty: nothing does.
class ReplayId {
 public:
  ReplayId() = default;
  explicit ReplayId(std::string_view received) noexcept : received_(received) {}
  explicit ReplayId(const core::Digest& digest) noexcept : digest_(digest) {}

  std::string_view view() const noexcept { return digest_.size == 0 ? received_ : digest_.view(); }
  operator std::string_view() const noexcept { return view(); }  // NOLINT: as good as one
  bool empty() const noexcept { return view().empty(); }
  std::size_t size() const noexcept { return view().size(); }

 private:
  std::string_view received_;
  core::Digest digest_;
};

struct Judgement {
  Verdict verdict = Verdict::kRefused;
  const char* reason = "";  // why refused: a literal without any of the peer's bytes
  ReplayId replay_id;
  Reply reply;  // of kReply
};

// What is known of a scheme by its settings alone.
struct Terms {
  // For how long a message that was taken once would be taken again; none: for ever, as no time is
  // signed, or any will do.
  std::optional<std::chrono::milliseconds> repeatable_for;
  // A time is signed, and any will do: a message that was recorded can come again as soon as it is
  // forgotten. A tolerance, or a token's max_age, prevents that.
  bool any_age = false;
};

class Scheme;

class Verifier {
 public:
  // `json`: the `verification` member of a definition, in which every $Secret{} is already replaced
  // by its value. kInvalidArgument: names what is wrong by its JSON pointer, without any secret.
  static Result<std::shared_ptr<const Verifier>> make(std::string_view json);
  // Whether make() would take `json` with the right values for what is still written $Secret{NAME}.
  static Result<Terms> check(std::string_view json);
  // Refuses everything: in the place of one that cannot be made.
  static std::shared_ptr<const Verifier> refusing();
  // The names of all providers, in alphabetical order.
  static std::vector<std::string_view> providers();

  ~Verifier();

  // Of a message: the body is there. Requires for GET as for POST that the link takes it.
  Judgement judge(const Received& received) const;
  // Answers GET and OPTIONS (and Microsoft's POST) that ask whether somebody listens and carry no
  // message. None: it is no such question, or not for us; it is to be judged as any other.
  std::optional<Reply> challenge(const Received& received) const;
  // Whether `url` is a part of what is signed, and none is configured: it has to be known then.
  bool needs_url() const noexcept;
  // Whether all of a genuine message's body is what its provider sent. Else a part of it, or none,
  // is proved, and the rest may be anybody's.
  bool signs_body() const noexcept;
  // The field, in lower case, with which anybody who reads it could send messages of their own: a
  // secret, or a token that says nothing of the body. Empty: there is none.
  std::string_view credential_header() const noexcept;
  Terms terms() const noexcept;

 private:
  explicit Verifier(std::unique_ptr<const Scheme> scheme);

  std::unique_ptr<const Scheme> scheme_;
};

}  // namespace headrace::verification
