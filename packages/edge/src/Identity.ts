/**
 * Who asks. For development a header is believed.
 *
 * The subject is a claim about a name, not yet a name of the domain: the service checks its form.
 */

/** The header that says who asks; without it, it is a guest. */
export const header = "x-user-id"
