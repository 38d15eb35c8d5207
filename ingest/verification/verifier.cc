// SPDX-License-Identifier: Apache-2.0
#include "ingest/verification/verifier.h"

#include <algorithm>
#include <utility>

#include "core/limits.h"
#include "ingest/verification/challenges.h"
#include "ingest/verification/coded_schemes.h"
#include "ingest/verification/described_scheme.h"
#include "ingest/verification/presets.h"

namespace headrace::verification {
namespace {

using Made = std::unique_ptr<const Scheme>;

// Answers CloudEvents' question before whatever else there is.
class WithCloudEvents final : public Scheme {
 public:
  WithCloudEvents(Made scheme, CloudEventsOrigins origins)
      : scheme_(std::move(scheme)), origins_(std::move(origins)) {}

  Judgement judge(const Received& received) const override { return scheme_->judge(received); }
  std::optional<Reply> challenge(const Received& received) const override {
    auto answer = answer_cloudevents(received, origins_);
    return answer ? std::move(answer) : scheme_->challenge(received);
  }
  bool needs_url() const noexcept override { return scheme_->needs_url(); }
  bool signs_body() const noexcept override { return scheme_->signs_body(); }
  std::string_view credential_header() const noexcept override {
    return scheme_->credential_header();
  }
  Terms terms() const noexcept override { return scheme_->terms(); }

 private:
  const Made scheme_;
  const CloudEventsOrigins origins_;
};

class Refusing final : public Scheme {
 public:
  Judgement judge(const Received&) const override {
    return refused("nothing can be verified here at present");
  }
};

// `form` is changed where `scheme` says otherwise.
Made make_described(Settings& settings, const Json& form) {
  Description description =
      read_description(Settings(settings.document(), form, settings.pointer_of("scheme")));
  if (settings.has("tolerance")) {
    if (description.timestamp_header.empty() && description.timestamp_prefix.empty())
      settings.fail("tolerance", "the scheme signs no time");
    description.tolerance.span = settings.duration("tolerance", std::nullopt);
  }
  if (settings.failed()) return nullptr;
  Credentials credentials = read_credentials(settings, description);
  return std::make_unique<DescribedScheme>(std::move(description), std::move(credentials));
}

Made make_provider(Settings& settings, const std::string& provider) {
  if (const Preset* preset = find_preset(provider)) {
    Json form = Json::parse(preset->scheme);
    if (const Json* changes = settings.object("scheme")) form.update(*changes);
    return make_described(settings, form);
  }
  for (const CodedScheme& scheme : coded_schemes())
    if (scheme.provider == provider) return scheme.make(settings);
  settings.fail("provider", "there is no such provider");
  return nullptr;
}

Made make_scheme(Settings& settings) {
  Made made;
  if (settings.has("provider")) {
    made = make_provider(settings, settings.required_text("provider"));
  } else if (const Json* form = settings.object("scheme")) {
    made = make_described(settings, *form);
  } else {
    settings.fail("provider", "or a scheme must be given");
  }
  if (auto origins = read_cloudevents(settings))
    made = std::make_unique<WithCloudEvents>(std::move(made), std::move(*origins));
  settings.done();
  return made;
}

Result<Made> make_checked(std::string_view json, bool may_be_open) {
  if (json.size() > core::limits::kPartsBytesMax)
    return Error{ErrorCode::kInvalidArgument, "/: verification has at most 64 KiB", 0};
  Document document(Json::parse(json, nullptr, false), may_be_open);
  if (!document.json().is_object()) {
    document.fail("", "must be an object");
    return *document.fault();
  }
  Settings settings(document, document.json(), "");
  Made made = make_scheme(settings);
  if (document.fault()) return *document.fault();
  return made;
}

}  // namespace

Verifier::Verifier(Made scheme) : scheme_(std::move(scheme)) {}
Verifier::~Verifier() = default;

Result<std::shared_ptr<const Verifier>> Verifier::make(std::string_view json) {
  auto made = make_checked(json, false);
  if (!made) return std::move(made).error();
  return std::shared_ptr<const Verifier>(new Verifier(std::move(*made)));
}

Result<Terms> Verifier::check(std::string_view json) {
  auto made = make_checked(json, true);
  if (!made) return std::move(made).error();
  return (*made)->terms();
}

std::shared_ptr<const Verifier> Verifier::refusing() {
  return std::shared_ptr<const Verifier>(new Verifier(std::make_unique<Refusing>()));
}

std::vector<std::string_view> Verifier::providers() {
  std::vector<std::string_view> names;
  for (const Preset& preset : presets()) names.push_back(preset.provider);
  for (const CodedScheme& scheme : coded_schemes()) names.push_back(scheme.provider);
  std::sort(names.begin(), names.end());
  return names;
}

Judgement Verifier::judge(const Received& received) const { return scheme_->judge(received); }

std::optional<Reply> Verifier::challenge(const Received& received) const {
  return scheme_->challenge(received);
}

bool Verifier::needs_url() const noexcept { return scheme_->needs_url(); }

bool Verifier::signs_body() const noexcept { return scheme_->signs_body(); }

std::string_view Verifier::credential_header() const noexcept {
  return scheme_->credential_header();
}

Terms Verifier::terms() const noexcept { return scheme_->terms(); }

}  // namespace headrace::verification
