/** gateway: what customers talk to. */
import { readPort, startService } from "./service.ts";

await startService({
  name: "gateway",
  port: readPort("GATEWAY_PORT", 8080),
  run: async (port) => (await import("./gateway-app.ts")).runGateway(port),
});
