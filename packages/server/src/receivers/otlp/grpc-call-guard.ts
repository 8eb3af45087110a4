/**
 * Puts a budget under the gRPC server. grpc-js assembles and decompresses a message before any handler sees it and
 * bounds only each message, so that many at once can take all memory. The guard stands in between: bytes are counted
 * as they arrive, decompression is ours, an upload has a deadline, and a call carries one message.
 *
 * It reaches into one object of grpc-js that is not declared, the base of every intercepted call: its `stream` and
 * its `decompressMessage`. `grpc.test.ts` fails when a new version has them no more.
 */
import { constants, type Http2Stream } from "node:http2";
import {
  type ServerInterceptingCallInterface,
  ServerInterceptingCall,
  type ServerInterceptor,
  type StatusObject,
  status,
} from "@grpc/grpc-js";
import { asTriptychError, type Clock, TriptychError } from "@triptych/model";
import { decompress } from "../decompress.ts";
import { createReservation, type Reservation } from "../reservation.ts";
import { grpcRefusal } from "./grpc-status.ts";
import { noteRefusal, type OtlpTransportDeps } from "./receiver.ts";

export interface GuardDeps extends OtlpTransportDeps {
  readonly clock: Clock;
  /** Time a sender has for its whole message. */
  readonly uploadMsMax: number;
}

export interface CallGuard {
  readonly interceptor: ServerInterceptor;
  /**
   * Takes over what `message` holds of the budget; the caller gives it back. Until then the guard does when the
   * stream closes: `undefined` when it has, because the sender is gone.
   */
  take(message: Uint8Array): Reservation | undefined;
}

/** What the base call has besides its declared interface. */
interface BaseCall extends ServerInterceptingCallInterface {
  readonly stream: Http2Stream;
  decompressMessage(framed: Uint8Array, encoding: string): Promise<Uint8Array>;
}

/** Flag and length of a gRPC message frame. */
const FRAME_HEADER_BYTES = 5;

export function createCallGuard(deps: GuardDeps): CallGuard {
  const held = new WeakMap<Uint8Array, Reservation>();
  return {
    interceptor: (_method, call) => {
      guard(call as BaseCall, held, deps);
      return new ServerInterceptingCall(call);
    },
    take(message) {
      const reservation = held.get(message);
      held.delete(message);
      return reservation;
    },
  };
}

function guard(call: BaseCall, held: WeakMap<Uint8Array, Reservation>, deps: GuardDeps): void {
  const reservation = createReservation(deps.next);
  let message: Uint8Array | undefined;
  let messages = 0;
  const refuse = (thrown: unknown): StatusObject => {
    const error = asTriptychError(thrown);
    noteRefusal(error, deps);
    return grpcRefusal(error);
  };
  const stopDeadline = deps.clock.after(deps.uploadMsMax, () =>
    call.sendStatus({
      code: status.DEADLINE_EXCEEDED,
      details: `The message did not arrive within ${deps.uploadMsMax / 1000} s.`,
    }),
  );

  watchStatus(call, deps);
  call.stream.on("data", (part: Uint8Array) => {
    try {
      reservation.hold(part.length);
    } catch (thrown) {
      call.sendStatus(refuse(thrown));
    }
  });
  call.stream.once("close", () => {
    stopDeadline();
    // A handler that took the message over gives the budget back itself, later.
    if (message === undefined || held.delete(message)) reservation.release();
  });

  call.decompressMessage = async (framed, encoding) => {
    stopDeadline();
    if (++messages > 1) {
      throw refuse(new TriptychError("wire_malformed", "An export call carries one message."));
    }
    const { bodyBytesMax } = deps.limits;
    const body = framed.subarray(FRAME_HEADER_BYTES);
    try {
      message = await decompress(body, encoding, bodyBytesMax, reservation.hold);
    } catch (thrown) {
      throw refuse(thrown);
    }
    held.set(message, reservation);
    return message;
  };
}

/**
 * Counts what grpc-js refuses by itself, a frame that declares more than the limit, and resets a stream that is
 * answered while its sender still uploads: otherwise its bytes would stay in the budget for as long as it likes.
 */
function watchStatus(call: BaseCall, deps: GuardDeps): void {
  const sendStatus = call.sendStatus.bind(call);
  call.sendStatus = (answer) => {
    if (answer.code === status.RESOURCE_EXHAUSTED && answer.metadata == null) {
      deps.next.discarded("wire_too_large", 1);
    }
    sendStatus(answer);
    // Node waits with the reset until the answer is written.
    if (!call.stream.readableEnded) call.stream.close(constants.NGHTTP2_NO_ERROR);
  };
}
