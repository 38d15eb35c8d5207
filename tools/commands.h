// SPDX-License-Identifier: Apache-2.0
// The commands that talk to a running daemon, as one table: words, route, flags, columns.
//
// Flags of the command line, help, requests, tables and shell completion are all made from it; a
// new route of the API is one more row here and nothing else.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace headrace::tools {

enum class Method : std::uint8_t { kGet, kPost, kPatch, kPut, kDelete };

std::string_view to_string(Method method) noexcept;

// Where in the request a value goes.
enum class Place : std::uint8_t {
  kBody,
  kQuery,
  kPath,            // an optional part of it
  kWholeBody,       // FILE or -: the body, whose members the other flags override
  kUnset,           // a member of the body that becomes null
  kIfMatch,         // the header
  kIdempotencyKey,  // the header
};

// How the text that a person gave becomes a value.
enum class Form : std::uint8_t {
  kText,
  kSwitch,  // takes no text: it is there or not
  kNumber,
  kBoolean,
  kList,      // "a,b", and may be repeated: an array of texts
  kJson,      // JSON text, or @FILE
  kSchedule,  // "5s,1m", "none", "default" or JSON: {"schedule":[…]}, null or an object
  kObject,    // JSON, or @FILE; "none": null; "default": {}
  kRate,      // "10", "10/5" or "none": {"per_second":10,"burst":5} or null
  kLimit,     // a text; "never" or "none": null
  kPayload,   // FILE or -: its bytes as one text
  kHeaders,   // "Name: value", may be repeated: an object
  kPairs,     // "a=b", may be repeated: one text, joined by &
  kSecret,    // FILE or -: its text, without the line end behind it
  kEnvs,      // "slug", "slug=URL" or a JSON object, may be repeated: an array of objects
};

bool may_repeat(Form form) noexcept;

struct Field {
  std::string_view name;  // without dashes: --name
  std::string_view type;  // as help shows it: "TAG", "FILE", or the choices "on|off"
  std::string_view help;
  std::string_view member;  // of the body, or the query parameter
  Place place = Place::kBody;
  Form form = Form::kText;
  std::string_view url_member = {};  // of kEnvs: what the URL of "slug=URL" is
  bool is_positional = false;        // an optional last argument instead of a flag
};

// What a command has to do with a job.
enum class JobUse : std::uint8_t {
  kNone,
  kBegins,   // its answer is one; takes --wait
  kWatches,  // it waits for one
};

struct Command {
  std::string_view words;  // "webhook create"
  std::string_view help;
  Method method = Method::kGet;
  // {app} is an argument. What stands in brackets is there when the flag of its name is given.
  std::string_view path;
  std::span<const Field> fields = {};
  std::string_view columns = {};  // "tag,envs.slug": of the table; empty: the answer is no list
  bool has_revision = false;      // takes --if-revision
  bool can_cascade = false;       // takes --cascade
  JobUse job = JobUse::kNone;

  bool is_list() const noexcept { return !columns.empty(); }
  bool has_body() const noexcept { return method != Method::kGet && method != Method::kDelete; }
};

// In the order of the help.
std::span<const Command> all_commands() noexcept;
// Its own fields, and those that every command of its kind has (--file, --if-revision, --limit…).
std::vector<Field> fields_of(const Command& command);
// What a first word stands for ("webhook": "what an app emits"); empty where it is a command
// itself.
std::string_view help_of_noun(std::string_view noun) noexcept;

struct Placeholder {
  std::string name;
  bool is_optional = false;
};
std::vector<Placeholder> placeholders(std::string_view path);
std::string_view help_of_placeholder(std::string_view name) noexcept;

}  // namespace headrace::tools
