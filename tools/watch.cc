// SPDX-License-Identifier: Apache-2.0
#include "tools/watch.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <utility>

#include "tools/exit_code.h"
#include "tools/output.h"
#include "tools/progress.h"
#include "tools/run_command.h"

namespace headrace::tools {
namespace {

constexpr int kAskEveryMs = 250;
constexpr std::size_t kUsualWidth = 80;

// The line at the bottom of the terminal; nothing where there is none.
class ProgressLine {
 public:
  ~ProgressLine() { clear(); }
  void show(const JobProgress& progress) {
    if (!is_terminal_) return;
    say("\r\x1b[K" + progress_line(progress, width() - 1));
    is_shown_ = true;
  }
  void clear() {
    if (std::exchange(is_shown_, false)) say("\r\x1b[K");
  }

 private:
  static std::size_t width() {
    winsize size{};
    const bool is_known = ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1;
    return is_known ? size.ws_col : kUsualWidth;
  }

  const bool is_terminal_ = ::isatty(STDERR_FILENO) == 1;
  bool is_shown_ = false;
};

// A terminal is redrawn, and the daemon asked, a few times a second.
void pause() { ::poll(nullptr, 0, kAskEveryMs); }

Watched failed(int code, std::string what) { return {code, {}, std::move(what)}; }

}  // namespace

Watched watch(ApiClient& client, std::string text) {
  ProgressLine line;
  while (true) {
    auto job = parse_json(text);
    auto progress = job ? progress_of(*job) : Result<JobProgress>(job.error());
    if (!progress)
      return failed(kFailed, "the daemon's answer is not understood: " + progress.error().what);
    if (progress->is_over()) return {progress->is_success() ? kOk : kFailed, std::move(text), {}};
    line.show(*progress);
    pause();
    Request request;
    request.target = "/v1/jobs/" + percent_encoded(job->text_at("id"));
    auto answer = client.call(request);
    if (!answer) return failed(exit_code_of(answer.error()), answer.error().what);
    if (const int code = exit_code_of_status(answer->status); code != kOk)
      return failed(code, problem_text(answer->status, answer->body));
    text = std::move(answer->body);
  }
}

}  // namespace headrace::tools
