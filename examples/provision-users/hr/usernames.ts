const LETTERS: Readonly<Record<string, string>> = {
  æ: 'ae',
  œ: 'oe',
  ø: 'o',
  ß: 'ss',
  þ: 'th',
  ð: 'd',
  đ: 'd',
  ł: 'l',
  ı: 'i',
}

/** Folds a name to a-z, 0-9 and hyphens; decomposing handles accents, the table letters without parts. */
export function asciiFold(name: string): string {
  const bare = name.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase()
  return bare.replace(/[^a-z0-9-]/gu, (letter) => LETTERS[letter] ?? '')
}

/** Hands out user names in the order of asking: the second Anna Öberg becomes `anna.oberg2`. */
export function usernames(): (givenName: string, surname: string) => string {
  const timesAsked = new Map<string, number>()
  return (givenName, surname) => {
    const wanted = `${asciiFold(givenName)}.${asciiFold(surname)}`
    const times = (timesAsked.get(wanted) ?? 0) + 1
    timesAsked.set(wanted, times)
    return times === 1 ? wanted : `${wanted}${times}`
  }
}
