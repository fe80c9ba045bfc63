// Tells the server the browser's time zone, for people who chose none.
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
if ("tellZone" in document.body.dataset && zone && !document.cookie.includes(`imadmin_zone=${zone}`)) {
  const secure = location.protocol === "https:" ? "; secure" : "";
  document.cookie = `imadmin_zone=${zone}; path=/; max-age=31536000; samesite=lax${secure}`;
}
