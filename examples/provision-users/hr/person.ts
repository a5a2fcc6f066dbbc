/** What the company knows about one person, as the HR system has it before the export spoils some rows. */
export interface Person extends Profile {
  readonly kind: Kind
  /** Whether the directory has an account for this person before the export is imported. */
  readonly inDirectory: boolean
  readonly employeeId: string
  readonly givenName: string
  readonly username: string
  /** Employee id of the manager, or an empty string. */
  readonly managerId: string
  readonly startDate: string
  /** Empty for most; far in the future for people on a fixed term. */
  readonly endDate: string
  /** What the directory still says about a mover. */
  readonly before: Partial<Profile>
  /** The manager the directory names, by employee id, or an empty string. */
  readonly managerIdBefore: string
  readonly fault: Fault | undefined
  readonly repeat: Repeat | undefined
  /** The field that the export surrounds with blanks. */
  readonly padded: 'jobTitle' | 'surname' | undefined
}

/** The fields in which a mover may differ from the directory. */
export interface Profile {
  readonly surname: string
  readonly jobTitle: string
  readonly department: string
  readonly officeLocation: string
}

/** What the import has to do with a person; `broken` people have only a row that it must reject. */
export type Kind = 'unchanged' | 'mover' | 'joiner' | 'leaver' | 'broken'

/** How the one row of a broken person is spoilt. */
export type Fault =
  | 'no surname'
  | 'cut after 3 fields'
  | 'cut after 4 fields'
  | 'bad start date'
  | 'no employee id'

/** A second row of the same person further down, which the import must reject whether it agrees or not. */
export type Repeat = 'identical' | 'different'

/** A person while the company is being made: ids are given last, so people point at each other directly. */
export type Draft = Writable<Omit<Person, 'employeeId' | 'username' | 'managerId' | 'managerIdBefore'>> & {
  employeeId: string
  username: string
  readonly surnames: readonly string[]
  readonly titles: readonly string[]
  manager: Draft | undefined
  managerBefore: Draft | undefined
  managerUnknown: boolean
}

type Writable<T> = { -readonly [Key in keyof T]: T[Key] }
