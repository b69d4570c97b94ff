// Generated from signaling/wire; do not edit.
// Renew with: CONCLAVE_WRITE_TYPES=1 cargo test -p conclave-wire
import type { Mid, ParticipantId } from './id';

/**
 * What a media section a client sends carries. The SFU routes by it and never
 * learns more.
 */
export type Source = "microphone" | "camera" | "screen" | "screen-audio";

/**
 * One media section of a client's offer that it sends on.
 */
export type Sending = { 
/**
 * The section's mid in the offer.
 */
mid: Mid, 
/**
 * What it carries.
 */
source: Source, };

/**
 * One participant's source.
 */
export type SourceOf = { 
/**
 * Whose.
 */
participant: ParticipantId, 
/**
 * Which of theirs.
 */
source: Source, };

/**
 * What one receive slot of a client is to carry.
 */
export type SlotAssignment = { 
/**
 * The slot: the mid of a section the client only receives on.
 */
mid: Mid, 
/**
 * Whose what; nothing empties the slot.
 */
carries: SourceOf | null, 
/**
 * How it is shown; what it carries is shown large if that is not said.
 */
show?: Show, };

/**
 * How a client shows what a slot carries. The SFU divides what the client's
 * path carries by it.
 */
export type Show = { 
/**
 * Height of the picture in pixels of the screen, any number.
 */
height: number, 
/**
 * As what.
 */
as: ShownAs, };

/**
 * As what a slot is shown, the most important first. A shared screen comes
 * before all of these.
 */
export type ShownAs = "pinned" | "speaker" | "tile" | "hidden";

/**
 * What is wanted of one of a participant's video sources, if not all of it.
 */
export type Wanted = { 
/**
 * Which.
 */
source: Source, 
/**
 * The highest layer that anybody receives: the SVC layer or simulcast
 * encoding, lowest first from 0. Nothing: nobody receives the source.
 */
spatial: number | null, };
