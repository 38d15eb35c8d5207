// SPDX-License-Identifier: Apache-2.0
// Providers whose way to sign needs code. Each reads its settings; faults are in the document, and
// what is made then is not used.
#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "ingest/verification/scheme.h"
#include "ingest/verification/settings.h"

namespace headrace::verification {

struct CodedScheme {
  std::string_view provider;
  std::unique_ptr<const Scheme> (*make)(Settings& settings);
};

std::span<const CodedScheme> coded_schemes() noexcept;  // in alphabetical order

std::unique_ptr<const Scheme> make_adyen(Settings& settings);
std::unique_ptr<const Scheme> make_aws_sns(Settings& settings);
std::unique_ptr<const Scheme> make_basic(Settings& settings);
std::unique_ptr<const Scheme> make_jwt(Settings& settings);
std::unique_ptr<const Scheme> make_mailgun(Settings& settings);
std::unique_ptr<const Scheme> make_microsoft_graph(Settings& settings);
std::unique_ptr<const Scheme> make_paypal(Settings& settings);
std::unique_ptr<const Scheme> make_plaid(Settings& settings);
std::unique_ptr<const Scheme> make_twilio(Settings& settings);
std::unique_ptr<const Scheme> make_wix(Settings& settings);

}  // namespace headrace::verification
