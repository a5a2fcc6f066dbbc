/** Folds a text as Graph compares it: without regard to case. */
export const fold = (text: string): string => text.normalize('NFC').toLowerCase()

/** Stands before, between and after the folded texts of a list, so that each can be found in one column. */
export const LIST_MARK = '\u001f'

/** A list of texts as one folded text, with {@link LIST_MARK} around each. */
export const foldList = (texts: readonly string[]): string =>
  `${LIST_MARK}${texts.map((text) => `${fold(text)}${LIST_MARK}`).join('')}`
