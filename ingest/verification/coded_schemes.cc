// SPDX-License-Identifier: Apache-2.0
#include "ingest/verification/coded_schemes.h"

namespace headrace::verification {
namespace {

constexpr CodedScheme kSchemes[] = {
    {"adyen", make_adyen},
    {"aws_sns", make_aws_sns},
    {"basic", make_basic},
    {"chargebee", make_basic},
    {"jwt", make_jwt},
    {"mailgun", make_mailgun},
    {"microsoft_graph", make_microsoft_graph},
    {"paypal", make_paypal},
    {"plaid", make_plaid},
    {"postmark", make_basic},
    {"twilio", make_twilio},
    {"wix", make_wix},
};

}  // namespace

std::span<const CodedScheme> coded_schemes() noexcept { return kSchemes; }

}  // namespace headrace::verification
