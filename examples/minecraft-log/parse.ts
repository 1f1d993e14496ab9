/** Something worth telling, read from one line of a server log. */
export interface GameEvent {
  kind: 'chat' | 'join' | 'leave' | 'death' | 'advancement' | 'start' | 'stop';
  /** Whose event it is; undefined for `start` and `stop`. */
  player?: string;
  /** A chat line's own words, else the whole sentence. */
  text: string;
}

/**
 * Reads a line of vanilla's and Paper's `latest.log` (`[12:00:00] [Server thread/INFO]: …`) or of
 * Paper's console (`[12:00:00 INFO]: …`). Undefined for everything that is not an event.
 */
export function parseLine(line: string): GameEvent | undefined {
  const words = prefix.exec(line.replace(ansi, '').replace(control, ''))?.[1]?.trim();
  if (!words) return undefined;

  // Chat first: whatever a player types stays chat, also when it reads like a death.
  const chat = /^(?:\[Not Secure\] )?<([^<>]{1,100})> (.+)$/u.exec(words);
  if (chat) return { kind: 'chat', player: chat[1], text: chat[2]! };

  if (/^Done \([\d.,]+s\)! For help, type "help"/.test(words)) {
    return { kind: 'start', text: 'The server has started.' };
  }
  if (words === 'Stopping server') return { kind: 'stop', text: 'The server is stopping.' };

  const sentence = words.replace(shortenedDeath, '');
  const [, player, rest] = /^([.*]?\w{1,16}) (.+)$/.exec(sentence) ?? [];
  if (!player || !rest) return undefined;
  const kind = kindOf(rest);
  return kind && { kind, player, text: sentence };
}

function kindOf(rest: string): GameEvent['kind'] | undefined {
  if (/^(\(formerly known as \w{1,16}\) )?joined the game$/.test(rest)) return 'join';
  if (rest === 'left the game') return 'leave';
  if (advancement.test(rest)) return 'advancement';
  if (death.test(rest)) return 'death';
  return undefined;
}

const prefix =
  /^\[\d\d:\d\d:\d\d(?:\] \[(?:Server thread|Async Chat Thread - #\d+)\/INFO\]| INFO\]): (.*)$/;
const ansi = /\x1b\[[0-9;:?]*[ -/]*[@-~]/g;
const control = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]|§./gu;

const advancement = /^has (made the advancement|completed the challenge|reached the goal) \[.+\]$/;

/** Stands before a death message that was too long for a packet. */
const shortenedDeath =
  /^Actually, the message was too long to deliver fully\. Sorry! Here's a stripped version: /;

/** Who did it: a player, a mob or a thing, and perhaps with which item. */
const whom = '.+';
const fightOrFlight = `( (while|whilst) (fighting|trying to escape) ${whom})?`;

/** Vanilla's death messages after the player's name, each to its end; older spellings too. */
const death = new RegExp(
  `^(${[
    `(blew up|died|drowned|starved to death|suffocated in a wall|withered away)${fightOrFlight}`,
    `(burned|burnt|froze) to death${fightOrFlight}`,
    `died (because of ${whom}|from dehydration${fightOrFlight})`,
    `discovered (the )?floor was lava${fightOrFlight}`,
    `(experienced kinetic energy|hit the ground too hard|left the confines of this world)${fightOrFlight}`,
    `fell (from a high place|off a ladder|off (some )?(twisting |weeping )?vines|off scaffolding|out of the (water|world)|while climbing|into a patch of (fire|cacti))${fightOrFlight}`,
    `fell too far and was finished by ${whom}`,
    `tried to swim in lava( (while trying )?to escape ${whom})?`,
    `walked into (a cactus|fire|the danger zone)( (while|whilst) .+| due to ${whom})?`,
    `went off with a bang( due to ${whom})?${fightOrFlight}`,
    `went up in flames${fightOrFlight}`,
    `didn't want to live in the same world as ${whom}`,
    `was (blown up|fireballed|frozen to death|impaled|killed|pummeled|pummelled|shot|slain|smashed|speared|squashed|stung to death|doomed to fall|blown from a high place) by ${whom}`,
    `was (burned|burnt) to a crisp${fightOrFlight}`,
    `was doomed to fall`,
    `was (squashed|skewered) by a falling (anvil|block|stalactite)${fightOrFlight}`,
    `was impaled on a stalagmite${fightOrFlight}`,
    `was killed( by (even more )?magic)?( (while|whilst) .+)?`,
    `was knocked into the void( by ${whom})?`,
    `was obliterated by a sonically-charged shriek${fightOrFlight}`,
    `was (poked to death by a sweet berry bush|pricked to death|roasted in dragon('s)? breath|squished too much|struck by lightning|stung to death)( by ${whom})?${fightOrFlight}`,
  ].join('|')})$`,
  'u',
);
