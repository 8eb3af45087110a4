/** A server of a case's own. */
import { join } from "node:path";
import { type RunningServer, startServer } from "../start-server.ts";
import { configFile } from "./ask.ts";
import { type CaseContext, expectThat, type Figures } from "./case.ts";

/** It is ended whatever happens. */
export async function withServer(
  { directory }: CaseContext,
  options: { args?: readonly string[]; config?: string },
  run: (server: RunningServer) => Promise<Figures>,
): Promise<Figures> {
  const config =
    options.config === undefined ? [] : ["--config", configFile(directory, options.config)];
  const server = await startServer({
    dataDir: join(directory, "data"),
    args: [...(options.args ?? []), ...config],
  });
  try {
    const figures = await run(server);
    const exit = await server.stop();
    expectThat(exit.code === 0, `ended with ${exit.code ?? exit.signal}`);
    return figures;
  } finally {
    await server.kill();
  }
}
