// SPDX-License-Identifier: Apache-2.0
#include "tools/apply.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <optional>
#include <utility>
#include <vector>

#include "tools/api_client.h"
#include "tools/apply_file.h"
#include "tools/apply_plan.h"
#include "tools/exit_code.h"
#include "tools/manifest.h"
#include "tools/output.h"
#include "tools/run_command.h"

namespace headrace::tools {
namespace {

constexpr std::size_t kFaultsShownMax = 20;
constexpr int kNotFoundStatus = 404;

int refuse_file(const Error& error) {
  std::string what = error.what;
  for (std::size_t i = 0; i < std::min(error.items.size(), kFaultsShownMax); ++i)
    what += fmt::format("\n  {}: {}", error.items[i].where, error.items[i].what);
  if (error.items.size() > kFaultsShownMax)
    what += fmt::format("\n  and {} more", error.items.size() - kFaultsShownMax);
  return fail(kConfiguration, what);
}

Result<Manifest> load(const std::string& name) {
  auto text = read_file(name);
  if (!text) return text.error();
  auto file = parse_apply_file(*text, name);
  if (!file) return file.error();
  return read_manifest(*file, name);
}

// The deepest part of a body that a JSON pointer leads to and whose place in the file is known.
const Json* at_pointer(const Json& body, std::string_view pointer) {
  const Json* at = &body;
  const Json* known = &body;
  while (at != nullptr && pointer.starts_with('/')) {
    pointer.remove_prefix(1);
    const std::string_view name = pointer.substr(0, pointer.find('/'));
    pointer.remove_prefix(name.size());
    std::size_t index = 0;
    for (const char c : name) index = index * 10 + static_cast<std::size_t>(c - '0');
    if (at->is_array()) {
      at = index < at->items.size() ? &at->items[index] : nullptr;
    } else {
      at = at->find(name);
    }
    if (at != nullptr && at->line != 0) known = at;
  }
  return known->line != 0 ? known : nullptr;
}

// Where in the file the daemon sees the faults of a body.
std::string places_text(const Step& step, const Answer& answer, const std::string& file) {
  const auto problem = parse_json(answer.body);
  const Json* errors = problem ? problem->find("errors") : nullptr;
  std::string text;
  if (errors == nullptr) return text;
  for (const Json& error : errors->items) {
    if (const Json* part = at_pointer(step.body, error.text_at("pointer")))
      text += fmt::format("\n  {}: {}", place_of(*part, file), harmless(error.text_at("detail")));
  }
  return text;
}

// One run: what was asked, and how it ends.
class Run {
 public:
  Run(const ApplyOptions& options, Manifest manifest, Connection connection)
      : options_(options), manifest_(std::move(manifest)), client_(std::move(connection)) {}

  int run() {
    if (!look_up()) return exit_code_;
    const std::vector<Step> steps = make_plan(manifest_, live_, options_.prune);
    if (steps.empty()) {
      print("nothing to do\n");
      return kOk;
    }
    show(steps);
    if (options_.dry_run) return options_.exit_code ? kWouldChange : kOk;
    if (!is_confirmed(steps.size())) return fail(kFailed, "nothing was changed");
    return carry_out(steps);
  }

 private:
  // Everything in the apps and products of the file. False: it failed, and was said.
  bool look_up() {
    // First of all the key and the workspace: with these wrong, nothing would seem to be there.
    if (!call({Method::kGet, "/v1/self", {}, {}, {}})) return false;
    for (const std::string& app : manifest_.apps) {
      const std::string path = "/v1/apps/" + percent_encoded(app);
      if (!look_up(ResourceKind::kWebhook, path + "/webhooks?limit=1000")) return false;
      if (!look_up(ResourceKind::kEvent, path + "/events?limit=1000")) return false;
    }
    for (const std::string& product : manifest_.products) {
      const std::string tag = percent_encoded(product);
      if (!look_up(ResourceKind::kConnection, "/v1/products/" + tag + "/apps?limit=1000"))
        return false;
      if (!look_up(ResourceKind::kEndpoint, "/v1/endpoints?limit=1000&product=" + tag))
        return false;
    }
    return true;
  }

  bool look_up(ResourceKind kind, const std::string& target) {
    std::string next;
    do {
      const std::string cursor = next.empty() ? "" : "&cursor=" + percent_encoded(next);
      const auto answer = call({Method::kGet, target + cursor, {}, {}, {}}, kNotFoundStatus);
      if (!answer) return false;
      if (answer->status == kNotFoundStatus) return true;  // no such app or product yet
      auto page = parse_json(answer->body);
      Json* data = page ? page->find("data") : nullptr;
      if (data == nullptr) return failed(kFailed, "the daemon answered no list");
      for (Json& item : data->items) live_.push_back({kind, std::move(item)});
      next = page->text_at("next");
    } while (!next.empty());
    return true;
  }

  bool failed(int code, std::string_view what) {
    exit_code_ = fail(code, what);
    return false;
  }

  // An answer of 2xx, or of the status that is `also` expected; nullopt: it failed, and was said.
  std::optional<Answer> call(const Request& request, int also = 0) {
    auto answer = client_.call(request);
    if (!answer) {
      failed(exit_code_of(answer.error()), answer.error().what);
      return std::nullopt;
    }
    const int code = exit_code_of_status(answer->status);
    if (code == kOk || answer->status == also) return std::move(*answer);
    failed(code, problem_text(answer->status, answer->body));
    return std::nullopt;
  }

  static void show(const std::vector<Step>& steps) {
    std::array<std::size_t, 3> counts{};
    for (const Step& step : steps) {
      print(to_text(step, has_colour()) + '\n');
      ++counts[static_cast<std::size_t>(step.action)];
    }
    print(
        fmt::format("{} to create, {} to change, {} to delete\n", counts[0], counts[1], counts[2]));
    std::fflush(stdout);
  }

  bool is_confirmed(std::size_t count) const {
    if (options_.yes || ::isatty(STDIN_FILENO) != 1) return true;
    say(fmt::format("apply {} {}? [y/N] ", count, count == 1 ? "change" : "changes"));
    char answer[16] = {};
    if (std::fgets(answer, sizeof answer, stdin) == nullptr) return false;
    const std::string_view text = answer;
    return text == "y\n" || text == "yes\n" || text == "Y\n";
  }

  int carry_out(const std::vector<Step>& steps) {
    for (std::size_t done = 0; done < steps.size(); ++done) {
      if (const int code = carry_out(steps[done]); code != kOk) {
        say(fmt::format("headrace: {} of {} changes were made; apply again to go on\n", done,
                        steps.size()));
        return code;
      }
    }
    print("done\n");
    return kOk;
  }

  int carry_out(const Step& step) {
    Request request = step.request;
    if (step.body.is_object()) request.body = to_text(step.body);
    auto answer = client_.call(request);
    if (!answer) return fail(exit_code_of(answer.error()), answer.error().what);
    const int code = exit_code_of_status(answer->status);
    if (code == kOk) return code;
    return fail(code, fmt::format("{}: {}{}", step.name, problem_text(answer->status, answer->body),
                                  places_text(step, *answer, options_.file)));
  }

  const ApplyOptions& options_;
  const Manifest manifest_;
  ApiClient client_;
  std::vector<Resource> live_;
  int exit_code_ = kOk;
};

}  // namespace

int run_apply(const ApplyOptions& options) {
  auto manifest = load(options.file);
  if (!manifest) return refuse_file(manifest.error());
  auto daemon = connection(options.connection, environment_of_process());
  if (!daemon) return fail(kConfiguration, daemon.error().what);
  return Run(options, std::move(*manifest), std::move(*daemon)).run();
}

}  // namespace headrace::tools
