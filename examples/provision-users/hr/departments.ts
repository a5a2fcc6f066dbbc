/** A part of the company below one director. */
export interface Department {
  readonly name: string
  readonly director: string
  /** How many people report to the director, which decides how large the department becomes. */
  readonly size: number
  readonly units: readonly string[]
  readonly titles: readonly string[]
}

/** The head of the company belongs to no department of `DEPARTMENTS`. */
export const HEAD_OFFICE = { department: 'Executive Office', jobTitle: 'Chief Executive Officer' } as const

/** Titles such as `Director, Nordic Operations` are why a CSV reader that splits at commas is not enough. */
export const DEPARTMENTS: readonly Department[] = [
  {
    name: 'Operations',
    director: 'Director, Nordic Operations',
    size: 12,
    units: ['Warehousing', 'Cold Storage', 'Route Planning', 'Fleet', 'Customs'],
    titles: ['Shift Planner', 'Warehouse Operator', 'Dispatcher', 'Customs Clerk', 'Planner, Rail and Sea'],
  },
  {
    name: 'Engineering',
    director: 'Director, Engineering',
    size: 10,
    units: ['Platform', 'Tracking', 'Mobile', 'Data'],
    titles: [
      'Software Engineer',
      'Senior Software Engineer',
      'Test Engineer',
      'Data Engineer',
      'Engineer, Devices',
    ],
  },
  {
    name: 'Customer Support',
    director: 'Director, Customer Support',
    size: 9,
    units: ['First Line', 'Key Accounts', 'Claims'],
    titles: ['Support Agent', 'Senior Support Agent', 'Claims Handler', 'Support Analyst'],
  },
  {
    name: 'Sales',
    director: 'Director, Sales (Europe)',
    size: 8,
    units: ['Nordic Sales', 'Central Europe', 'Tenders'],
    titles: ['Account Manager', 'Sales Representative', 'Tender Specialist', 'Sales Engineer'],
  },
  {
    name: 'Research & Development',
    director: 'Director, Research & Development',
    size: 5,
    units: ['Packaging Lab', 'Forecasting'],
    titles: ['Research Scientist', 'Materials Specialist', 'Laboratory Technician', 'Statistician'],
  },
  {
    name: 'Finance',
    director: 'Chief Financial Officer',
    size: 5,
    units: ['Accounts Payable', 'Treasury', 'Payroll'],
    titles: ['Accountant', 'Controller', 'Payroll Specialist', 'Financial Analyst'],
  },
  {
    name: 'IT',
    director: 'Chief Information Officer',
    size: 5,
    units: ['Service Desk', 'Identity & Access', 'Networks'],
    titles: ['Systems Administrator', 'Service Desk Technician', 'Network Engineer', 'Security Analyst'],
  },
  {
    name: 'People & Culture',
    director: 'Director, People & Culture',
    size: 4,
    units: ['Recruitment', 'Learning'],
    titles: ['Recruiter', 'HR Generalist', 'HR Business Partner', 'Learning Designer'],
  },
  {
    name: 'Legal & Compliance',
    director: 'General Counsel',
    size: 3,
    units: ['Contracts', 'Trade Compliance'],
    titles: ['Legal Counsel', 'Compliance Officer', 'Paralegal', 'Contract Manager'],
  },
]
