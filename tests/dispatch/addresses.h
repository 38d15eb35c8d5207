// SPDX-License-Identifier: Apache-2.0
// Addresses and spellings of hosts that an endpoint may not have, and some that it may: one table
// for the filter, for what is written down and for what is delivered.
#pragma once

#include <array>
#include <string_view>

namespace headrace::test {

struct RefusedAddress {
  std::string_view text;
  std::string_view why;
};

inline constexpr auto kRefusedAddresses = std::to_array<RefusedAddress>({
    {"0.0.0.0", "this host"},
    {"0.1.2.3", "this network"},
    {"10.0.0.1", "RFC 1918"},
    {"10.255.255.255", "RFC 1918"},
    {"100.64.0.1", "carrier-grade NAT"},
    {"100.127.255.254", "carrier-grade NAT"},
    {"100.100.100.200", "metadata"},
    {"127.0.0.1", "loopback"},
    {"127.255.255.254", "loopback"},
    {"168.63.129.16", "metadata at a public address"},
    {"169.254.0.1", "link-local"},
    {"169.254.169.254", "metadata"},
    {"169.254.170.2", "metadata"},
    {"172.16.0.1", "RFC 1918"},
    {"172.31.255.255", "RFC 1918"},
    {"192.0.0.1", "protocol assignments"},
    {"192.0.0.192", "metadata"},
    {"192.0.2.1", "documentation"},
    {"192.88.99.1", "6to4 relay"},
    {"192.168.0.1", "RFC 1918"},
    {"192.168.255.255", "RFC 1918"},
    {"198.18.0.1", "benchmarking"},
    {"198.19.255.255", "benchmarking"},
    {"198.51.100.1", "documentation"},
    {"203.0.113.1", "documentation"},
    {"224.0.0.1", "multicast"},
    {"239.255.255.255", "multicast"},
    {"240.0.0.1", "reserved"},
    {"255.255.255.255", "broadcast"},
    {"::", "unspecified"},
    {"::1", "loopback"},
    {"::2", "outside of what is given out"},
    {"::7f00:1", "IPv4-compatible loopback"},
    {"::ffff:127.0.0.1", "mapped loopback"},
    {"::ffff:10.0.0.1", "mapped RFC 1918"},
    {"::ffff:169.254.169.254", "mapped metadata"},
    {"::ffff:0.0.0.0", "mapped this host"},
    {"::ffff:0:127.0.0.1", "translated loopback"},
    {"64:ff9b::127.0.0.1", "NAT64 to loopback"},
    {"64:ff9b::10.0.0.1", "NAT64 to RFC 1918"},
    {"64:ff9b::169.254.169.254", "NAT64 to metadata"},
    {"64:ff9b:1::10.0.0.1", "local NAT64"},
    {"64:ff9b:1:a00:0:100::", "local NAT64, in the form of RFC 6052 for a /48"},
    {"100::1", "discard"},
    {"2001::1", "Teredo to this network"},
    {"2001:0:7f00:1::", "Teredo whose server is loopback"},
    {"2001:0:808:808:0:0:f5ff:fffe", "Teredo whose client is RFC 1918"},
    {"2001:2::1", "benchmarking"},
    {"2001:10::1", "ORCHID"},
    {"2001:db8::1", "documentation"},
    {"2002:7f00:1::1", "6to4 to loopback"},
    {"2002:a00:1::1", "6to4 to RFC 1918"},
    {"2002:a9fe:a9fe::", "6to4 to metadata"},
    {"3fff::1", "documentation"},
    {"3fff:fff::1", "documentation"},
    {"4000::1", "not given out"},
    {"5f00::1", "segment routing"},
    {"fc00::1", "unique local"},
    {"fd00:ec2::254", "metadata"},
    {"fd20:ce::254", "metadata"},
    {"fdff:ffff::1", "unique local"},
    {"fe80::1", "link-local"},
    {"febf::1", "link-local"},
    {"fec0::1", "site-local"},
    {"ff02::1", "multicast"},
    {"ff0e::1", "multicast"},
});

inline constexpr auto kGlobalAddresses =
    std::to_array<std::string_view>({"1.1.1.1",
                                     "8.8.8.8",
                                     "9.255.255.255",
                                     "11.0.0.0",
                                     "100.63.255.255",
                                     "100.128.0.0",
                                     "126.255.255.255",
                                     "128.0.0.0",
                                     "169.253.255.255",
                                     "169.255.0.0",
                                     "172.15.255.255",
                                     "172.32.0.0",
                                     "192.0.1.0",
                                     "192.167.255.255",
                                     "192.169.0.0",
                                     "198.17.255.255",
                                     "198.20.0.0",
                                     "223.255.255.255",
                                     "::ffff:8.8.8.8",
                                     "64:ff9b::8.8.8.8",
                                     "2001:0:808:808:0:0:f7f7:f7f7",
                                     "2001:200::1",
                                     "2001:4860:4860::8888",
                                     "2002:808:808::1",
                                     "2606:4700::1111",
                                     "2a00::1",
                                     "3ffe::1"});

// Hosts as they may stand in a URL, which other programs read as loopback, metadata or the like:
// refused by their spelling, or read as the address.
inline constexpr auto kRefusedHosts = std::to_array<std::string_view>({
    "localhost",
    "LOCALHOST",
    "localhost.",
    "any.localhost",
    "127.1",
    "127.0.1",
    "0x7f.1",
    "0x7f000001",
    "0X7F.0.0.1",
    "0177.0.0.1",
    "017700000001",
    "2130706433",
    "127.0.0.1.",
    "127.0.0.01",
    "0",
    "0x",
    "0.0",
    "192.168.257",
    "3232235521",
    "4294967295",
    "425.510.425.510",
    "%31%32%37.0.0.1",
    "127%2e0%2e0%2e1",
    "127.0.0.1%00.example.com",
    "127.0.0.1%23.example.com",
    "\xef\xbc\x91\xef\xbc\x92\xef\xbc\x97.0.0.1",  // full-width digits
    "\xe2\x91\xa0\xe2\x91\xa1\xe2\x91\xa6.0.0.1",  // circled digits
    "127\xe3\x80\x82"
    "0\xe3\x80\x82"
    "0\xe3\x80\x82"
    "1",  // ideographic full stops
    "loc\xc2\xad"
    "alhost",  // a soft hyphen
    "\xe2\x93\x9b"
    "ocalhost",  // a circled letter
    "user@127.0.0.1",
    "8.8.8.8@127.0.0.1",
    "127.0.0.1\\@8.8.8.8",
    "8.8.8.8\\.127.0.0.1",
    "127.0.0.1\t",
    "127.0.\n0.1",
    " 127.0.0.1",
    "[::1%25lo]",
    "[fe80::1%25eth0]",
    "[::ffff:7f00:1]",
    "[0:0:0:0:0:0:0:1]",
    "[::127.0.0.1]",
    "[::1",
    "::1",
    "[127.0.0.1]",
});

}  // namespace headrace::test
