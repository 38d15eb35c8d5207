// SPDX-License-Identifier: Apache-2.0
#include "tools/run_command.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <utility>

#include "tools/api_client.h"
#include "tools/exit_code.h"
#include "tools/watch.h"

namespace headrace::tools {
namespace {

Format format_of(const RunOptions& options) {
  const Format usual = ::isatty(STDOUT_FILENO) == 1 ? Format::kTable : Format::kJson;
  return parse_format(options.output).value_or(usual);
}

// Shows the answers to one command.
class Session {
 public:
  Session(const Command& command, const RunOptions& options, Connection connection)
      : command_(command),
        format_(format_of(options)),
        all_(options.all),
        waits_(options.wait || command.job == JobUse::kWatches),
        client_(std::move(connection)) {}

  int run(Request request, Values values) {
    std::string next;
    while (true) {
      auto answer = client_.call(request);
      if (!answer) return fail(exit_code_of(answer.error()), answer.error().what);
      if (const int code = exit_code_of_status(answer->status); code != kOk)
        return fail(code, problem_text(answer->status, answer->body));
      if (waits_) return wait_for(std::move(answer->body));
      auto taken = take(*answer);
      if (!taken)
        return fail(kFailed, "the daemon's answer is not understood: " + taken.error().what);
      if (!taken->empty() && *taken == next) return fail(kFailed, "the list does not go on");
      next = std::move(*taken);
      if (!all_ || next.empty()) break;
      values["cursor"] = {next};
      auto further = make_request(command_, values, &read_file);
      if (!further) return fail(kUsage, further.error().what);
      request = std::move(*further);
    }
    finish(next);
    return kOk;
  }

 private:
  // The answer is a job.
  int wait_for(std::string job) {
    Watched watched = watch(client_, std::move(job));
    if (watched.text.empty()) return fail(watched.exit_code, watched.fault);
    auto taken = take({.status = 200, .body = std::move(watched.text)});
    return taken ? watched.exit_code : fail(kFailed, taken.error().what);
  }

  // Shows or keeps what is in an answer; the cursor of the next page, empty when this was the last.
  Result<std::string> take(const Answer& answer) {
    if (answer.body.empty()) return std::string();
    auto json = parse_json(answer.body);
    if (!json) return json.error();
    if (!command_.is_list()) {
      show_one(*json, answer.body);
      return std::string();
    }
    Json* data = json->find("data");
    if (data == nullptr) return Error{ErrorCode::kProtocol, "there is no list in it"};
    std::string next(json->text_at("next"));
    if (format_ == Format::kJson && !all_) {
      print_line(answer.body);
    } else {
      take_items(std::move(data->items));
    }
    return next;
  }

  void take_items(std::vector<Json> items) {
    for (Json& item : items) {
      if (format_ == Format::kNdjson) {
        print_line(to_text(item));
      } else {
        kept_.push_back(std::move(item));
      }
    }
  }

  void show_one(const Json& json, const std::string& text) {
    if (format_ == Format::kTable) {
      print(details(json, has_colour()));
    } else {
      print_line(format_ == Format::kJson ? text : to_text(json));
    }
  }

  void finish(const std::string& next) {
    if (!command_.is_list()) return;
    if (format_ == Format::kJson && all_) print_line(to_text(Json::array(std::move(kept_))));
    if (format_ != Format::kTable) return;
    print(table(command_.columns, kept_, has_colour()));
    if (!next.empty()) {
      say(fmt::format("there is more: --all, or --cursor {}\n", harmless(next)));
    }
  }

  static void print_line(std::string_view text) {
    print(text);
    if (!text.ends_with('\n')) print("\n");
  }

  const Command& command_;
  const Format format_;
  const bool all_;
  const bool waits_;
  ApiClient client_;
  std::vector<Json> kept_;  // what is shown at the end
};

}  // namespace

int run_command(const Command& command, const Values& values, const RunOptions& options) {
  auto request = make_request(command, values, &read_file);
  if (!request) return fail(kUsage, request.error().what);
  auto daemon = connection(options.connection, environment_of_process());
  if (!daemon) return fail(kConfiguration, daemon.error().what);
  return Session(command, options, std::move(*daemon)).run(std::move(*request), values);
}

Environment environment_of_process() {
  return [](const char* name) -> std::optional<std::string> {
    const char* value = std::getenv(name);
    if (value == nullptr) return std::nullopt;
    return value;
  };
}

bool has_colour() {
  const char* no_colour = std::getenv("NO_COLOR");  // https://no-color.org
  return ::isatty(STDOUT_FILENO) == 1 && (no_colour == nullptr || *no_colour == '\0');
}

void print(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stdout); }

void say(std::string_view text) {
  std::fflush(stdout);
  std::fwrite(text.data(), 1, text.size(), stderr);
}

int fail(int code, std::string_view what) {
  say(fmt::format("headrace: {}\n", what));
  return code;
}

int exit_code_of(const Error& error) noexcept {
  if (error.code == ErrorCode::kConnectFailed) return kNotReachable;
  return error.code == ErrorCode::kInvalidArgument ? kUsage : kFailed;
}

int exit_code_of_status(int status) noexcept {
  if (status >= 200 && status < 300) return kOk;
  return status >= 400 && status < 500 ? kRefused : kFailed;
}

}  // namespace headrace::tools
