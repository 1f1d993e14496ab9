import type { Pulse } from '../sockets/keepalive.ts';
import type { Peer } from '../sockets/ports.ts';
import type { Tally } from './tallies.ts';
import type { Unreceived } from './ring-rows.ts';
import { LiveWindow } from './window.ts';

/** A connection, as far as delivery cares. */
export interface Recipient extends Pulse {
  readonly peer: Peer;
  /** The lane it joined; undefined before, and for the one that is everywhere. */
  lane: Lane | undefined;
  /** Since when more than `slowBytes` wait in its socket, in ms; 0 while it keeps up. */
  behindSinceMs: number;
  /** Characters of queued messages that it was sent in this turn. */
  burst: number;
  /** Its flushes wait until it has read on. */
  paused: boolean;
  touched: boolean;
  closed: boolean;
}

/** A recipient's place in one lane. */
export interface Member {
  readonly recipient: Recipient;
  readonly lane: Lane;
  /** Everything live with a higher number it is sent, or held for it. */
  readonly joinedAt: number;
  /** `live` means subscribed to the topic and given everything that waited. */
  state: 'live' | 'flushing' | 'reading';
  /** No message with this number or a lower one may reach it any more. */
  cursor: number;
  /** Messages that it is to be sent when those before them are. */
  held: { number: number; text: string }[];
  heldChars: number;
  /** What it was sent by itself and has not confirmed; `at` is the number of the sending. */
  sent: { number: number; at: number }[];
  /** Texts read from the store, not yet sent. */
  texts: Map<number, string> | undefined;
}

/** All messages of one channel in one direction: the unit of order. */
export interface Lane {
  readonly channel: string;
  readonly ring: string;
  readonly topic: string;
  readonly members: Member[];
  /** Its newest live messages without a receipt. */
  window: LiveWindow;
  /** Members that are not live. */
  notLive: number;
  /** Has, or had a moment ago, live messages without a receipt. */
  dirty: boolean;
  /** The number that a ping for receipts went out with; 0 when none is out. */
  askedAt: number;
  touched: boolean;
  /** Of its channel; undefined where nobody wants one. */
  readonly tally: Tally | undefined;
}

/** Counts messages and sendings; also numbers pings, so that a pong is a receipt. */
export interface Count {
  last: number;
}

/** Shared by all that hold nothing, so that an idle connection is small. */
const nothing: never[] = [];
export const noWindow = new LiveWindow(0);

export function newLane(
  channel: string,
  ring: string,
  topic: string,
  tally: Tally | undefined,
): Lane {
  return {
    channel,
    ring,
    topic,
    members: [],
    window: noWindow,
    notLive: 0,
    dirty: false,
    askedAt: 0,
    touched: false,
    tally,
  };
}

/** Puts a recipient into a lane: everything that waits there is still to be given to it. */
export function addMember(lane: Lane, recipient: Recipient, joinedAt: number): Member {
  const member: Member = {
    recipient,
    lane,
    joinedAt,
    state: 'flushing',
    cursor: 0,
    held: nothing,
    heldChars: 0,
    sent: nothing,
    texts: undefined,
  };
  lane.members.push(member);
  lane.notLive += 1;
  return member;
}

export function removeMember(member: Member): void {
  const { lane } = member;
  lane.members.splice(lane.members.indexOf(member), 1);
  if (member.state !== 'live') lane.notLive -= 1;
}

/** Keeps a message for a member that must be given others first. */
export function hold(member: Member, number: number, text: string): void {
  if (member.held === nothing) member.held = [];
  member.held.push({ number, text });
  member.heldChars += text.length;
}

/** What was answered `failed` must not arrive. */
export function unhold(member: Member, number: number): void {
  const at = member.held.findIndex((one) => one.number === number);
  if (at < 0) return;
  const [one] = member.held.splice(at, 1);
  member.heldChars -= one!.text.length;
}

/** It was sent a message by itself; `at` is the number of that sending. */
export function noteSent(member: Member, number: number, at: number): void {
  if (member.sent === nothing) member.sent = [];
  member.sent.push({ number, at });
  member.cursor = Math.max(member.cursor, number);
}

/** Takes out what the pong of ping `upTo` confirms of the messages that it was sent by itself. */
export function takeConfirmed(member: Member, upTo: number): number[] {
  if (member.sent.length === 0) return [];
  const confirmed = member.sent.filter(({ at }) => at <= upTo);
  member.sent = member.sent.filter(({ at }) => at > upTo);
  return confirmed.map(({ number }) => number);
}

/** Whether everything live up to `number` has gone into its socket. */
export function wasSent(member: Member, number: number): boolean {
  return (
    number > member.joinedAt &&
    !member.held.some((one) => one.number === number) &&
    !member.sent.some((one) => one.number === number)
  );
}

/** Live messages without a receipt, in all lanes of a direction. */
export interface Unreceipted {
  chars: number;
  lanes: number;
}

/** Adds a window to the sum of all, or takes it out while it changes. */
export function account(sum: Unreceipted, window: LiveWindow, sign: 1 | -1): void {
  sum.chars += sign * window.chars;
  if (!window.isEmpty) sum.lanes += sign;
}

/** Takes messages out of a lane's window. */
export function takeUnreceived(
  sum: Unreceipted,
  { window }: Lane,
  wanted: (number: number) => boolean,
): Unreceived[] {
  if (window.isEmpty) return [];
  account(sum, window, -1);
  const unreceived = window.take(wanted);
  account(sum, window, 1);
  return unreceived;
}

/** Whether a connected recipient was sent something and has not confirmed it. */
export function owesReceipt(lane: Lane): boolean {
  return !lane.window.isEmpty || lane.members.some((member) => member.sent.length > 0);
}
