// SPDX-License-Identifier: Apache-2.0
#include "tools/serve.h"

#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "api/admin_key.h"
#include "api/api_server.h"
#include "core/log.h"
#include "core/secret_bytes.h"
#include "tools/exit_code.h"

namespace headrace::tools {
namespace {

// Blocked in every thread that is made from here on; wait() takes them one by one.
class Signals {
 public:
  Signals() {
    sigemptyset(&set_);
    sigaddset(&set_, SIGTERM);
    sigaddset(&set_, SIGINT);
    sigaddset(&set_, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &set_, nullptr);
    signal(SIGPIPE, SIG_IGN);
  }
  int wait() const {
    int number = 0;
    while (sigwait(&set_, &number) != 0) {
    }
    return number;
  }

 private:
  sigset_t set_{};
};

// A socket is a descriptor, and the usual soft limit of 1024 is soon reached.
void raise_descriptor_limit() {
  rlimit descriptors{};
  if (getrlimit(RLIMIT_NOFILE, &descriptors) != 0) return;
  descriptors.rlim_cur = descriptors.rlim_max;
  setrlimit(RLIMIT_NOFILE, &descriptors);
}

int cannot_start(core::LogSink& log, const Error& error) {
  log.write(core::LogLevel::kError, "cannot_start", error.what, {{"code", to_string(error.code)}});
  return error.code == ErrorCode::kInvalidArgument ? kConfiguration : kFailed;
}

// $Secret{NAME} is the variable HEADRACE_SECRET_NAME. One environment serves the whole process, so
// only the workspace that is its owner's sees it: another tenant could name any variable.
std::optional<std::string> secret_of_environment(std::string_view workspace,
                                                 std::string_view name) {
  if (workspace != "default") return std::nullopt;
  const char* value = std::getenv(("HEADRACE_SECRET_" + std::string(name)).c_str());
  if (value == nullptr) return std::nullopt;
  std::string secret = value;
  while (secret.ends_with('\n') || secret.ends_with('\r')) secret.pop_back();  // as files end
  return secret;
}

// The bytes of a variable are wiped: they would be in every core dump, and in /proc.
std::optional<std::string> take_variable(const char* name) {
  char* const value = std::getenv(name);
  if (value == nullptr) return std::nullopt;
  std::string text = value;
  core::wipe(value, text.size());
  ::unsetenv(name);
  return text;
}

Result<std::string> read_key_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text(std::istreambuf_iterator<char>(file), {});
  if (file && !text.empty()) return text;
  return Error{ErrorCode::kInvalidArgument, "the key file " + path + " cannot be read", 0};
}

// NAME, or the file that NAME_FILE names. Empty: neither is there.
Result<std::string> key_of_environment(const std::string& name) {
  if (auto text = take_variable(name.c_str()); text && !text->empty()) return std::move(*text);
  const char* const path = std::getenv((name + "_FILE").c_str());
  if (path != nullptr && *path != '\0') return read_key_file(path);
  return std::string();
}

// What systemd hands over by LoadCredential=headrace-master-key:…. Empty: it does not.
Result<std::string> key_of_credentials() {
  const char* const directory = std::getenv("CREDENTIALS_DIRECTORY");
  if (directory == nullptr) return std::string();
  const std::string path = std::string(directory) + "/headrace-master-key";
  return ::access(path.c_str(), F_OK) == 0 ? read_key_file(path)
                                           : Result<std::string>(std::string());
}

Result<void> find_master_key(Dependencies& dependencies) {
  auto key = key_of_environment("HEADRACE_MASTER_KEY");
  if (key && key->empty()) key = key_of_credentials();
  if (!key) return std::move(key).error();
  auto previous = key_of_environment("HEADRACE_MASTER_KEY_PREVIOUS");
  if (!previous) return std::move(previous).error();
  if (key->empty() && !previous->empty()) {
    return Error{ErrorCode::kInvalidArgument,
                 "HEADRACE_MASTER_KEY_PREVIOUS goes with a key that is given; the key in the data "
                 "directory is changed by headrace rotate-master-key",
                 0};
  }
  dependencies.master_key = std::move(*key);
  dependencies.previous_master_key = std::move(*previous);
  return {};
}

void say_reloaded(core::LogSink& log, std::string_view server, const Result<void>& reloaded) {
  if (reloaded) {
    log.write(core::LogLevel::kInfo, "certificates_reloaded",
              "new connections get the certificates that are there now", {{"server", server}});
  } else {
    log.write(core::LogLevel::kError, "certificates_kept",
              "the certificates cannot be read again; the ones in use stay",
              {{"server", server}, {"reason", std::string_view(reloaded.error().what)}});
  }
}

void write_line(std::string_view line) {
  while (!line.empty()) {
    const ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
    if (written <= 0) return;
    line.remove_prefix(static_cast<std::size_t>(written));
  }
}

}  // namespace

int serve(const Settings& settings) {
  const Signals signals;
  raise_descriptor_limit();
  core::JsonLogSink log(STDERR_FILENO, static_cast<core::LogLevel>(settings.log_level));
  Dependencies dependencies;
  dependencies.log = [least = settings.log_level](LogLevel level, std::string_view line) {
    if (level >= least) write_line(line);
  };
  dependencies.secret = &secret_of_environment;
  if (auto found = find_master_key(dependencies); !found) return cannot_start(log, found.error());
  auto engine = Engine::open(settings.engine, std::move(dependencies));
  if (!engine) return cannot_start(log, engine.error());
  std::optional<api::ApiServer> api;
  if (!settings.api_listen.empty()) {
    auto key = api::load_or_make_admin_key(settings.engine.data_directory + "/admin.key");
    if (!key) return cannot_start(log, key.error());
    api.emplace(**engine, std::move(*key),
                api::ApiServerOptions{.inbound = settings.api_inbound, .log = &log});
    if (auto started = api->start(settings.api_listen); !started)
      return cannot_start(log, started.error());
    if (auto kept = (*engine)->keep_from_endpoints(api->address()); !kept)
      return cannot_start(log, kept.error());
  }

  const std::string ingest = (*engine)->ingest_address();
  const std::string management = api ? api->address() : "off";
  log.write(core::LogLevel::kInfo, "serving", "taking messages",
            {{"version", version()},
             {"ingest", ingest},
             {"api", management},
             {"data", settings.engine.data_directory}});
  int number = signals.wait();
  for (; number == SIGHUP; number = signals.wait()) {
    say_reloaded(log, "links", (*engine)->reload_certificates());
    if (api) say_reloaded(log, "api", api->reload_certificates());
  }
  log.write(core::LogLevel::kInfo, "draining",
            "taking no new messages, finishing what is in flight",
            {{"signal", std::int64_t{number}}});
  (*engine)->close();
  if (api) api->stop();
  log.write(core::LogLevel::kInfo, "stopped", "everything is on disk", {});
  return 0;
}

}  // namespace headrace::tools
