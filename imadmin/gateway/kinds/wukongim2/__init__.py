"""WuKongIM v2 (read against v2.2.5): `client` puts the parts together, a part a noun; `wire` reads replies.

client ─► messages channels lists users nodes probe     what can be asked, by noun
             └─► link roster                            which node is asked, with which credentials
                    └─► guards answers                  what never leaves us; what an answer means
"""
