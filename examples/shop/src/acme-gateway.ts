/** The card network as payment-service sees it: an outside system that is tried again when it is slow. */
import { getTelemetry } from "@triptych/telemetry";
import { delay } from "./service.ts";

const telemetry = getTelemetry("acme-gateway-client");

/** We give up on one attempt after this and try again; the last attempt may take as long as it takes. */
const attemptTimeoutSeconds = 0.75;
const attemptsMax = 3;

/** Spends `seconds` on up to three attempts; false when the gateway refuses in the end. */
export async function authorize(seconds: number, accepted: boolean): Promise<boolean> {
  let left = seconds;
  for (let attempt = 1; attempt < attemptsMax && left > attemptTimeoutSeconds; attempt++) {
    await attemptThatTimesOut(attempt);
    left -= attemptTimeoutSeconds;
    telemetry.logWarning("acme-gateway is slow, trying again", {
      attempt,
      "timeout.seconds": attemptTimeoutSeconds,
    });
  }
  const attempt = Math.round((seconds - left) / attemptTimeoutSeconds) + 1;
  return telemetry.span(attemptSpan(attempt), async (span) => {
    await delay(left * 1000);
    span.setAttribute("http.response.status_code", accepted ? 200 : 503);
    if (!accepted) span.setStatus({ code: 2, message: "acme-gateway answered 503" });
    return accepted;
  });
}

async function attemptThatTimesOut(attempt: number): Promise<void> {
  await telemetry.span(attemptSpan(attempt), async (span) => {
    await delay(attemptTimeoutSeconds * 1000);
    span.setAttribute("error.type", "timeout");
    span.setStatus({ code: 2, message: `no answer within ${attemptTimeoutSeconds} s` });
  });
}

function attemptSpan(attempt: number) {
  return {
    name: "POST /v2/authorize",
    kind: "client",
    attributes: {
      "http.request.method": "POST",
      "url.full": "https://acme-gateway.example/v2/authorize",
      "server.address": "acme-gateway.example",
      "server.port": 443,
      "peer.service": "acme-gateway",
      ...(attempt > 1 ? { "http.request.resend_count": attempt - 1 } : {}),
    },
  } as const;
}
