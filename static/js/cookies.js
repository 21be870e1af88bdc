// Preferences that the server reads from cookies.

const YEAR_SECONDS = 365 * 24 * 60 * 60;

// Return the value of the cookie `name` in `cookies` (as document.cookie gives them), or undefined.
export function readCookie(cookies, name) {
  const pair = cookies.split("; ").find((each) => each.startsWith(`${name}=`));
  return pair?.slice(name.length + 1);
}

// Return the text for document.cookie that makes the browser keep `name` for a year.
export function cookieFor(name, value, protocol) {
  const secure = protocol === "https:" ? "; secure" : "";
  return `${name}=${value}; path=/; max-age=${YEAR_SECONDS}; samesite=lax${secure}`;
}

export function saveCookie(name, value) {
  document.cookie = cookieFor(name, value, location.protocol);
}
