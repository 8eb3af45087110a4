/** Signatures that AWS published: its test suite and the examples of its documentation. */
import { expect, test } from "vitest";
import type { SignedRequest } from "./ask.ts";
import { awsHeaders } from "./aws-sign.ts";

const credentials = {
  accessKey: "AKIDEXAMPLE",
  secretKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
  sessionToken: "",
};
const FORM = "application/x-www-form-urlencoded; charset=utf-8";

const check = (
  what: string,
  given: Omit<Partial<SignedRequest>, "url"> & { readonly url: string },
  where: { readonly service: string; readonly at: string },
  signature: string,
) =>
  test(what, () => {
    const { url, method = "GET", headers = {}, body } = given;
    const { authorization } = awsHeaders(
      { method, url: new URL(url), headers, body },
      credentials,
      { region: "us-east-1", service: where.service, nowMs: Date.parse(where.at) },
    );
    expect(authorization?.split("Signature=")[1]).toBe(signature);
  });

const suite = { service: "service", at: "2015-08-30T12:36:00Z" };
check(
  "get-vanilla",
  { url: "https://example.amazonaws.com/" },
  suite,
  "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
);
check(
  "get-vanilla-query-order-key-case",
  { url: "https://example.amazonaws.com/?Param2=value2&Param1=value1" },
  suite,
  "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
);
check(
  "post-vanilla",
  { url: "https://example.amazonaws.com/", method: "POST" },
  suite,
  "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
);
check(
  "ListUsers with GET",
  {
    url: "https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08",
    headers: { "content-type": FORM },
  },
  { service: "iam", at: "2015-08-30T12:36:00Z" },
  "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7",
);
check(
  "ListUsers with POST",
  {
    url: "http://iam.amazonaws.com/",
    method: "POST",
    headers: { "Content-Type": FORM },
    body: "Action=ListUsers&Version=2010-05-08",
  },
  { service: "iam", at: "2011-09-09T23:36:00Z" },
  "ced6826de92d2bdeed8f846f0bf508e8559e98e4b0199114b84c54174deb456c",
);

test("the token of temporary keys is signed", () => {
  const headers = awsHeaders(
    { method: "GET", url: new URL("https://a/b c"), headers: {}, body: undefined },
    { ...credentials, sessionToken: "t" },
    { region: "r", service: "aps", nowMs: 0 },
  );
  expect(headers["x-amz-security-token"]).toBe("t");
  expect(headers["authorization"]).toContain(
    "Credential=AKIDEXAMPLE/19700101/r/aps/aws4_request, SignedHeaders=host;x-amz-date;x-amz-security-token,",
  );
});
