// Preferences that the server reads from cookies.

const YEAR_SECONDS = 365 * 24 * 60 * 60;

// Return the name under which the browser keeps the cookie: with this prefix it accepts the cookie
// from our host only. crm/cookies.py has the same.
export function cookieName(name, protocol) {
  return protocol === "https:" ? `__Host-edip-${name}` : name;
}

// Return the text for document.cookie that makes the browser keep `name` for a year.
export function cookieFor(name, value, protocol) {
  const secure = protocol === "https:" ? "; secure" : "";
  return `${cookieName(name, protocol)}=${value}; path=/; max-age=${YEAR_SECONDS}; samesite=lax${secure}`;
}

export function saveCookie(name, value) {
  document.cookie = cookieFor(name, value, location.protocol);
}
