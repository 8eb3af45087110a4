/** Who makes the pieces is told to stop when the client goes. */
import { once } from "node:events";
import http from "node:http";
import { expect, test } from "vitest";
import { createHttpServer } from "../../receivers/http-server.ts";
import { sendPieces } from "./send-stream.ts";

test("the maker of the pieces ends when the client goes", async () => {
  const app = createHttpServer({ report: () => {} });
  let ended = false;
  app.get("/endless", (_request, reply) =>
    sendPieces(
      reply,
      (async function* () {
        try {
          for (;;) yield Buffer.alloc(1024 * 1024);
        } finally {
          ended = true;
        }
      })(),
    ),
  );
  const url = await app.listen({ port: 0, host: "127.0.0.1" });
  const request = http.get(`${url}/endless`, { agent: false });
  const [answer] = (await once(request, "response")) as [http.IncomingMessage];
  await once(answer, "data");
  request.destroy();
  await expect.poll(() => ended).toBe(true);
  await app.close();
});

test("an error before the first piece is still answered", async () => {
  const app = createHttpServer({ report: () => {} });
  app.get("/broken", (_request, reply) =>
    sendPieces(
      reply,
      // biome-ignore lint/correctness/useYield: it fails before it yields
      (async function* () {
        throw new Error("no");
      })(),
    ),
  );
  expect((await app.inject({ url: "/broken" })).statusCode).toBe(500);
  await app.close();
});
